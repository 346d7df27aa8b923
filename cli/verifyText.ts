/** Verdicts as people read them: one line when all is well; the place, the kernel's message and why when not. */
import type { FileVerdicts } from '../runtime/host/verifyFiles';
import type { ProgramReport, SourceSpan } from '../runtime/ide/verdictReport';

export function verdictsText(results: readonly FileVerdicts[], timings: boolean): string {
  const lines: string[] = [];
  const counts = { accepted: 0, rejected: 0, error: 0, unknown: 0 };
  for (const result of results) {
    for (const d of result.compilerDiagnostics) {
      lines.push(
        `${d.file}:${d.line}:${d.column}: ${d.severity}: ${d.message}${d.option ? ` [${d.option}]` : ''}`,
      );
    }
    for (const warning of result.warnings) lines.push(`${result.file}: warning: ${warning.message}`);
    for (const group of sameVerdicts(result.programs)) {
      for (const program of group) counts[program.verdict]++;
      const times = timings ? group.map((program) => result.timesMs[result.programs.indexOf(program)]) : [];
      lines.push(...programLines(result.file, group, times));
    }
  }
  const total = counts.accepted + counts.rejected + counts.error + counts.unknown;
  if (total > 1) {
    const parts = Object.entries(counts).filter(([, count]) => count > 0);
    lines.push(`${total} verdicts: ${parts.map(([name, count]) => `${count} ${name}`).join(', ')}`);
  }
  return lines.length > 0 ? `${lines.join('\n')}\n` : '';
}

/** Verdicts of one program that say the same on several kernels belong together. */
export function sameVerdicts(programs: readonly ProgramReport[]): ProgramReport[][] {
  const groups = new Map<string, ProgramReport[]>();
  for (const program of programs) {
    const key = JSON.stringify([
      program.name,
      program.section,
      program.verdict,
      program.errno,
      program.message,
      program.source,
    ]);
    const group = groups.get(key);
    if (group) group.push(program);
    else groups.set(key, [program]);
  }
  return [...groups.values()];
}

function programLines(file: string, group: readonly ProgramReport[], timesMs: readonly number[]): string[] {
  const [program] = group;
  const kernels = group.map((p) => (p.basis === 'measured' ? p.kernel : `${p.kernel} (by facts)`)).join(', ');
  const time = timesMs.length > 0 ? ` in ${timesMs.map((ms) => `${ms.toFixed(1)} ms`).join(', ')}` : '';
  const name = `${program.name} (${program.section})`;
  if (program.verdict === 'accepted') {
    const insns = [...new Set(group.map((p) => p.stats.processedInsns))].join(', ');
    const lines = [`${file}: ${name} on ${kernels}: accepted, ${insns} instructions processed${time}`];
    return program.log ? [...lines, program.log.trimEnd()] : lines;
  }
  const { source, diagnostic } = program;
  const where = source ? `${source.file}:${source.line}:${source.column}` : file;
  const code = diagnostic ? ` [${diagnostic.code}]` : '';
  const word =
    program.verdict === 'rejected' ? 'error' : program.verdict === 'unknown' ? 'unknown' : 'cannot be loaded';
  const lines = [`${where}: ${word}: ${program.message}${code}`];
  if (source) lines.push(...excerpt(source));
  lines.push(
    `  ${name} on ${kernels}: ${program.verdict}${program.errno ? `, errno ${program.errno}` : ''}${time}`,
  );
  if (diagnostic?.reason) lines.push(`  ${diagnostic.reason}`);
  for (const step of diagnostic?.causalPath ?? []) {
    lines.push(`    ${step.source ? `line ${step.source.line}` : `insn ${step.insn}`}: ${step.text}`);
  }
  if (diagnostic?.suggestion) lines.push(`  help: ${diagnostic.suggestion}`);
  if (program.problem?.remedy) lines.push(`  help: ${program.problem.remedy}`);
  if (program.log) lines.push(program.log.trimEnd());
  return lines;
}

/** The line with its expression underlined; tabs keep their width. */
export function excerpt(source: SourceSpan): string[] {
  if (source.text === '') return [];
  const before = source.text.slice(0, Math.max(0, source.column - 1)).replace(/[^\t]/g, ' ');
  const width = Math.max(1, source.endColumn - source.column);
  const number = String(source.line);
  return [
    `  ${number} | ${source.text}`,
    `  ${' '.repeat(number.length)} | ${before}^${'~'.repeat(width - 1)}`,
  ];
}
