/**
 * The BPF debug session that the views show: which one it is, when its state changed, and its custom requests. Views
 * ask again on every change; answers to outdated questions are dropped by the views.
 */
import * as vscode from 'vscode';
import type {
  MapEntriesResponse,
  MapsResponse,
  NoticeEvent,
  StateChangedEvent,
  TimersResponse,
} from '../../runtime/protocol/debugMessages';
import { log } from '../log';

export class BpfDebugSession implements vscode.Disposable {
  private readonly changed = new vscode.EventEmitter<StateChangedEvent['reason']>();
  private readonly subscriptions: vscode.Disposable[] = [this.changed];
  private current: vscode.DebugSession | undefined;
  /** Whether the session has stopped anywhere yet. */
  private hasStopped = false;
  /** Panels are shown one after the other: the one asked for last stays on top. */
  private showing: Promise<void> = Promise.resolve();
  /** Fires at every stop, throttled while running, and once at the end. */
  readonly onDidChange = this.changed.event;

  constructor() {
    this.subscriptions.push(
      vscode.debug.onDidStartDebugSession((session) => {
        if (session.type !== 'bpf') return;
        this.show(session);
        if (vscode.workspace.getConfiguration('bpfStudio').get('showTimersOnDebug', true)) {
          this.showPanel('bpfStudio.timers.focus');
        }
      }),
      vscode.debug.onDidTerminateDebugSession((session) => {
        if (session.id !== this.current?.id) return;
        const ranThrough = !this.hasStopped;
        this.show(undefined);
        // A run without a stop is over in a moment: what it came to is all there is to see.
        if (ranThrough) this.showPanel('workbench.debug.action.focusRepl');
      }),
      vscode.debug.onDidChangeActiveDebugSession((session) => {
        if (session?.type === 'bpf' && session.id !== this.current?.id) this.show(session);
      }),
      vscode.debug.onDidReceiveDebugSessionCustomEvent((event) => this.onCustomEvent(event)),
    );
  }

  get active(): boolean {
    return this.current !== undefined;
  }

  dispose(): void {
    for (const subscription of this.subscriptions) subscription.dispose();
  }

  timers(): Promise<TimersResponse | undefined> {
    return this.ask<TimersResponse>('bpfTimers');
  }

  maps(): Promise<MapsResponse | undefined> {
    return this.ask<MapsResponse>('bpfMaps');
  }

  mapEntries(mapId: number, start: number, count: number): Promise<MapEntriesResponse | undefined> {
    return this.ask<MapEntriesResponse>('bpfMapEntries', { mapId, start, count });
  }

  private show(session: vscode.DebugSession | undefined): void {
    if (session?.id !== this.current?.id) this.hasStopped = false;
    this.current = session;
    void vscode.commands.executeCommand('setContext', 'bpfStudio.debugging', session !== undefined);
    this.changed.fire(session === undefined ? 'ended' : 'running');
  }

  /** Reveals a panel by its command and gives the keyboard back to the editor. */
  private showPanel(command: string): void {
    this.showing = this.showing
      .then(async () => {
        await vscode.commands.executeCommand(command, { preserveFocus: true });
        if (vscode.window.activeTextEditor !== undefined) {
          await vscode.commands.executeCommand('workbench.action.focusActiveEditorGroup');
        }
      })
      .catch((error: unknown) => log().debug(`${command}: ${String(error)}`));
  }

  private onCustomEvent(event: vscode.DebugSessionCustomEvent): void {
    if (event.session.type !== 'bpf') return;
    if (event.event === 'bpfStateChanged') {
      if (this.current === undefined) this.show(event.session);
      const { reason } = event.body as StateChangedEvent;
      if (reason === 'stopped') this.hasStopped = true;
      this.changed.fire(reason);
    } else if (event.event === 'bpfNotice') {
      const { severity, message } = event.body as NoticeEvent;
      const show =
        severity === 'error'
          ? vscode.window.showErrorMessage
          : severity === 'warning'
            ? vscode.window.showWarningMessage
            : vscode.window.showInformationMessage;
      void show(message);
    }
  }

  /** Undefined when there is no session or it does not answer (it is ending). */
  private async ask<T>(request: string, args?: object): Promise<T | undefined> {
    const session = this.current;
    if (session === undefined) return undefined;
    try {
      return (await session.customRequest(request, args)) as T;
    } catch (error) {
      log().debug(`${request}: ${String(error)}`);
      return undefined;
    }
  }
}
