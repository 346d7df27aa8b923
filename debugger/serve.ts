/** Ways to reach the adapter: standard streams, or a TCP port on this machine with one session per connection. */
import * as net from 'node:net';
import { BpfDebugSession } from './session';

/** Speaks DAP on standard input and output; ends with the input. */
export function serveStdio(): void {
  const session = new BpfDebugSession();
  process.on('SIGTERM', () => session.shutdown());
  session.start(process.stdin, process.stdout);
}

/** Listens on localhost only: whoever connects can have C compiled and read. @returns the port in use (0 asks for any). */
export function servePort(port: number): Promise<{ readonly port: number; close(): void }> {
  return new Promise((resolve, reject) => {
    const server = net.createServer((socket) => {
      const session = new BpfDebugSession();
      session.setRunAsServer(true);
      socket.on('error', () => socket.destroy());
      session.start(socket, socket);
    });
    server.once('error', reject);
    server.listen(port, '127.0.0.1', () => {
      const address = server.address();
      resolve({
        port: typeof address === 'object' && address ? address.port : port,
        close: () => server.close(),
      });
    });
  });
}
