/** The shape of a row of the tables of messages, and the seven categories by short names. */
import type { DiagnosticCategory } from '../verdict';

export interface MessageRow {
  readonly pattern: RegExp;
  readonly code: string;
  readonly category: DiagnosticCategory;
}

export const TYPES = 'Register Type Safety';
export const MEMORY = 'Memory Safety';
export const LIFETIME = 'Resource Lifetime Safety';
export const CALL = 'Call Type Safety';
export const CONTEXT = 'Execution Context Safety';
export const STRUCTURE = 'Program Structure';
export const POLICY = 'Policy';

export const row = (pattern: RegExp, code: string, category: DiagnosticCategory): MessageRow => ({
  pattern,
  code,
  category,
});
