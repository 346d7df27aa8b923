/**
 * What each request's arguments must have before a handler sees them. The protocol library passes anything on, and a
 * client's mistake should read as one, not as ours.
 */
import { UserError } from '../userError';

type Kind = 'number' | 'numbers' | 'string' | 'object' | 'objects' | 'strings';
type Rule = Readonly<Record<string, Kind | `${Kind}?`>>;

const step: Rule = { threadId: 'number' };

const RULES: Readonly<Record<string, Rule>> = {
  setBreakpoints: { source: 'object', breakpoints: 'objects?', lines: 'numbers?' },
  setFunctionBreakpoints: { breakpoints: 'objects' },
  setInstructionBreakpoints: { breakpoints: 'objects' },
  setExceptionBreakpoints: { filters: 'strings' },
  breakpointLocations: { source: 'object', line: 'number', endLine: 'number?' },
  next: step,
  stepIn: step,
  stepOut: step,
  stackTrace: { threadId: 'number', startFrame: 'number?', levels: 'number?' },
  scopes: { frameId: 'number' },
  variables: { variablesReference: 'number', start: 'number?', count: 'number?' },
  setVariable: { variablesReference: 'number', name: 'string', value: 'string' },
  evaluate: { expression: 'string', frameId: 'number?' },
  disassemble: {
    memoryReference: 'string',
    instructionCount: 'number',
    offset: 'number?',
    instructionOffset: 'number?',
  },
  readMemory: { memoryReference: 'string', count: 'number', offset: 'number?' },
};

/** Inside the elements of `breakpoints`. */
const ELEMENTS: Readonly<Record<string, Rule>> = {
  setBreakpoints: { line: 'number', condition: 'string?', hitCondition: 'string?', logMessage: 'string?' },
  setFunctionBreakpoints: { name: 'string', condition: 'string?', hitCondition: 'string?' },
  setInstructionBreakpoints: { instructionReference: 'string', offset: 'number?', condition: 'string?' },
};

const isObject = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

function fits(value: unknown, kind: Kind): boolean {
  switch (kind) {
    case 'number':
      return typeof value === 'number' && Number.isSafeInteger(value);
    case 'numbers':
      return Array.isArray(value) && value.every((v) => Number.isSafeInteger(v));
    case 'string':
      return typeof value === 'string';
    case 'object':
      return isObject(value);
    case 'objects':
      return Array.isArray(value) && value.every(isObject);
    case 'strings':
      return Array.isArray(value) && value.every((v) => typeof v === 'string');
  }
}

function check(command: string, where: string, value: Readonly<Record<string, unknown>>, rule: Rule): void {
  for (const [name, kind] of Object.entries(rule)) {
    const optional = kind.endsWith('?');
    const actual = value[name];
    if (optional && (actual === undefined || actual === null)) continue;
    const wanted = (optional ? kind.slice(0, -1) : kind) as Kind;
    if (!fits(actual, wanted))
      throw new UserError(
        `The request '${command}' needs ${optional ? '' : 'the argument '}'${where}${name}' (${wanted === 'number' ? 'a whole number' : wanted}).`,
      );
  }
}

/** @throws UserError naming the argument. */
export function checkArguments(command: string, args: unknown): void {
  if (args !== undefined && !isObject(args))
    throw new UserError(`The arguments of '${command}' are no object.`);
  const given = args ?? {};
  if (Object.hasOwn(RULES, command)) check(command, '', given, RULES[command]);
  if (!Object.hasOwn(ELEMENTS, command)) return;
  const elements = given.breakpoints;
  if (Array.isArray(elements))
    for (const element of elements)
      check(command, 'breakpoints[].', element as Readonly<Record<string, unknown>>, ELEMENTS[command]);
}
