/**
 * Findings of which the kernel's message tells more than their code: which argument, which bytes, what kind of access. A row
 * that matches speaks in place of the general row of the code in `explanations.ts`.
 */
import type { Explanation, Scene } from './words';

type Groups = Readonly<Record<string, string | undefined>>;
type Words = (groups: Groups, scene: Scene) => Explanation;

interface MessageWords {
  readonly pattern: RegExp;
  readonly words: Words;
}

const row = (
  pattern: RegExp,
  reason: (groups: Groups, scene: Scene) => string,
  suggestion: string | ((groups: Groups, scene: Scene) => string),
): MessageWords => ({
  pattern,
  words: (groups, scene) => ({
    reason: reason(groups, scene),
    suggestion: typeof suggestion === 'string' ? suggestion : suggestion(groups, scene),
  }),
});

/** The called function, as the subject of a sentence. */
const callee = (scene: Scene): string => scene.fact('callee') || 'The kernel function';
const article = (what: string): string => (what === '' ? 'something else' : what);
/** "Argument 2", from a register or the kernel's count from 0. */
const argument = (groups: Groups, scene: Scene): string => {
  if (groups.arg !== undefined) return `Argument ${Number(groups.arg) + 1}`;
  const reg = groups.reg ?? scene.data.registers?.[0];
  return reg === undefined ? 'An argument' : `Argument ${reg}`;
};
const ranging = (scene: Scene): string =>
  scene.fact('range') === '' ? '' : ` (it is ${scene.fact('range')})`;

/** `R1` or `arg#0`, as kernels name an argument. */
const ARG = String.raw`(?:R(?<reg>\d+)|arg#(?<arg>\d+))`;

const KFUNC_ARGUMENT: readonly MessageWords[] = [
  row(
    new RegExp(`${ARG} must be a known constant|R(?<reg2>\\d+) is not a const`),
    (g, s) =>
      `${argument({ ...g, reg: g.reg ?? g.reg2 }, s)} of ${callee(s)} must be one number that is known when the program is loaded, and this one is not${ranging(s)}.`,
    'Pass a constant, or sizeof.',
  ),
  row(
    /memory, len pair leads to invalid memory access/,
    (_, s) =>
      `${callee(s)} takes memory and its size, and the size says more (or may say more) than the memory has${ranging(s)}.`,
    'Pass the size of the very buffer: sizeof(buffer).',
  ),
  row(
    new RegExp(`${ARG} pointer type \\S+ (?<struct>\\w*) must point to (?:\\w+ )?scalar`),
    (g, s) =>
      `${argument(g, s)} of ${callee(s)} is ${article(s.what)}; the function wants ${g.struct === undefined || g.struct === '' ? 'plain data' : `a pointer to the kernel's own struct ${g.struct}`}.`,
    (g) =>
      g.struct === undefined || g.struct === ''
        ? 'Compare the call with the prototype of the function in vmlinux.h.'
        : 'Pass the pointer that the kernel gave (a program argument, or the result of an acquiring function), not memory of the program.',
  ),
  row(
    new RegExp(`^${ARG} is not a scalar`),
    (g, s) => `${argument(g, s)} of ${callee(s)} is ${article(s.what)}; the function wants a number.`,
    'Pass a number.',
  ),
  row(
    new RegExp(`${ARG} (?:expected pointer to ctx|expects pointer to ctx)`),
    (g, s) =>
      `${argument(g, s)} of ${callee(s)} is ${article(s.what)}; the function wants the program's own context.`,
    'Pass the ctx argument of the program, unchanged.',
  ),
  row(
    new RegExp(`${ARG} expected pointer to (?:map value or )?allocated object`),
    (g, s) =>
      `${argument(g, s)} of ${callee(s)} is ${article(s.what)}; the function wants an object that bpf_obj_new made and that the program owns.`,
    'Allocate it with bpf_obj_new and test it for NULL; after it was added to a list or tree it is not owned any more.',
  ),
  row(
    /(?<field>bpf_(?:list_head|list_node|rb_root|rb_node|refcount)) not found at offset=(?<off>\d+)/,
    (g, s) =>
      `${callee(s)} wants the address of a struct ${g.field}, and there is none at byte ${g.off} of what is passed.`,
    'Pass the address of that member itself.',
  ),
  row(
    /operation on \S+ expects arg#\d+ (?<node>\S+) at offset=(?<want>\d+) in struct (?<struct>\w+), but arg is at offset=(?<off>\d+) in struct (?<given>\w+)/,
    (g) =>
      `The list or tree holds objects of struct ${g.struct} by their ${g.node} at byte ${g.want}; this is byte ${g.off} of struct ${g.given}.`,
    'Pass the node that __contains names in the declaration of the list or tree.',
  ),
  row(
    /kernel function (?<callee>\S+) (?:args#(?<arg>\d+)|R(?<reg>\d+)) expected pointer to \S+ (?<want>\w+) but \S+ has a pointer to \S+ (?<given>\w+)/,
    (g, s) =>
      `${argument(g, s)} of ${g.callee} is a pointer to struct ${g.given}; the function wants struct ${g.want}.`,
    'Pass an object of the wanted struct.',
  ),
  row(
    new RegExp(`${ARG} expected for (?<callee>\\w+)\\(\\)`),
    (g) =>
      `${g.callee} gives back another kind of object than this one: plain and per-CPU objects have functions of their own.`,
    'Use bpf_obj_drop for what bpf_obj_new made and bpf_percpu_obj_drop for what bpf_percpu_obj_new made.',
  ),
  row(
    /must be of a struct|must be in range|must not contain special fields|type size \(\d+\) is greater/,
    () =>
      'The type that is to be allocated or cast to is not one that can be: it must be a struct of the program with a known size, for per-CPU objects a small one of plain numbers.',
    'Use bpf_obj_new(typeof(struct …)) with a struct that fits.',
  ),
];

const GLOBAL_ARGUMENT: readonly MessageWords[] = [
  row(
    /^R(?<reg>\d+) is not a scalar/,
    (g, s) =>
      `Argument ${g.reg} of ${s.fact('global')} is declared as a number and is ${article(s.what)} here.`,
    'Pass a number, or make the function static, so that it is verified with the values of each call.',
  ),
  row(
    /expects pointer to ctx/,
    (g, s) =>
      `${argument(g, s)} of ${s.fact('global')} is declared as the context and is ${article(s.what)} here.`,
    'Pass the ctx argument of the program, or make the function static.',
  ),
  row(
    /expected to be non-NULL|or_null|may be null/i,
    (g, s) =>
      `${argument(g, s)} of ${s.fact('global')} may be NULL here, and its declaration does not allow that.`,
    'Test it for NULL before the call, or mark the parameter with __arg_nullable.',
  ),
  row(
    /outside of the allowed memory range|invalid indirect access to stack|invalid access to/,
    (g, s) =>
      `${argument(g, s)} of ${s.fact('global')} points to less memory than the type that it is declared with has.`,
    'Pass the address of a whole object of that type, or make the function static.',
  ),
  row(
    /type=(?<given>\S+) expected=/,
    (g, s) =>
      `${argument(g, s)} of ${s.fact('global')} is ${article(s.what)}, which is not what it is declared as.`,
    'Pass what the declaration says, or make the function static, so that it is verified with the values of each call.',
  ),
];

const KERNEL_STRUCT: readonly MessageWords[] = [
  row(
    /^only read is supported/,
    (_, s) => `Programs may only read struct ${s.fact('struct') || 'of the kernel'}, not write to it.`,
    'Keep the value in a map or on the stack; some members can be changed through helpers or kernel functions.',
  ),
  row(
    /access percpu memory/,
    (_, s) =>
      `This is the address of a per-CPU variable (struct ${s.fact('struct')}): which CPU's is not said.`,
    'Use bpf_per_cpu_ptr or bpf_this_cpu_ptr, and test the result of the first for NULL.',
  ),
  row(
    /invalid negative access: off=(?<off>-?\d+)/,
    (g) => `The access is ${Math.abs(Number(g.off))} bytes before the structure.`,
    'Read members by name; container_of needs a pointer to the outer struct that the kernel trusts, or bpf_core_cast.',
  ),
  row(
    /invalid variable offset/,
    (_, s) =>
      `The place in struct ${s.fact('struct')} is computed from a number that is not known when the program is loaded.`,
    'Read members by name, or copy the array with bpf_probe_read_kernel and index the copy.',
  ),
  row(
    /access beyond struct (?<struct>\w+) at off (?<off>-?\d+) size (?<size>\d+)/,
    (g) => `Byte ${g.off} (${g.size} bytes) lies behind the end of struct ${g.struct}.`,
    'Read members by name; cast to the type that the object really has (bpf_core_cast, bpf_rdonly_cast).',
  ),
  row(
    /access beyond the end of member (?<member>\w+) .* in struct (?<struct>\w+)/,
    (g) => `The access begins in member ${g.member} of struct ${g.struct} and goes beyond its end.`,
    'Read each member alone; copy arrays with bpf_probe_read_kernel.',
  ),
  row(
    /cannot access ptr member (?<member>\w+) .* in struct (?<struct>\w+) with off (?<off>\d+) size (?<size>\d+)/,
    (g) => `Member ${g.member} of struct ${g.struct} is a pointer, and only a part of it is read.`,
    'Read the whole pointer (8 bytes).',
  ),
];

const MODIFIED: readonly MessageWords[] = [
  row(
    /variable ctx access|variable trusted_ptr_ access/,
    (_, s) =>
      `The place in ${s.what || 'this object'} is computed from a number that is not known when the program is loaded.`,
    'Access members at fixed places; choose between them with if or switch.',
  ),
  row(
    /negative offset/,
    (_, s) => `The pointer leads to before the beginning of ${s.what || 'the object'}.`,
    'Use the original pointer, and let the offset be part of the access.',
  ),
];

const STACK: readonly MessageWords[] = [
  row(
    /invalid indirect (?:access to|read from) stack R\d+ off (?<off>-?\d+)\+(?<at>\d+) size (?<size>\d+)/,
    (g, s) =>
      `${callee(s)} reads ${g.size} bytes of the stack from r10${g.off} on, and byte ${g.at} of them is nothing to read: it was never written on this path, or it belongs to a dynptr or iterator.`,
    'Initialise the whole variable (= {}), padding between members included, before it is passed on.',
  ),
  row(
    /invalid read from stack (?:R\d+ )?off (?<off>-?\d+)\+(?<at>\d+) size (?<size>\d+)/,
    (g) =>
      `${g.size} bytes of the stack are read from r10${g.off} on, and byte ${g.at} of them is nothing to read: it was never written on this path, or it belongs to a dynptr or iterator.`,
    'Initialise the variable (= {}), padding included, on every path before it is read.',
  ),
  row(
    /invalid indirect access to stack R\d+ off=(?<off>-?\d+) size=(?<size>\d+)/,
    (g, s) =>
      `${callee(s)} is given ${g.size} bytes of stack that begin ${Math.abs(Number(g.off))} bytes ${Number(g.off) < 0 ? 'below' : 'above'} the top of the frame, so it would leave the stack of this function.`,
    'Make the size fit the variable: sizeof(variable), or the key and value sizes of the map.',
  ),
  row(
    /invalid (?:write to|read from) stack R\d+ off=(?<off>-?\d+) size=(?<size>\d+)/,
    (g) =>
      `The ${g.size} bytes at r10${Number(g.off) < 0 ? '' : '+'}${g.off} are not all within the 512 bytes of stack below the frame pointer.`,
    'Correct the index or the size of the variable, or keep large data in a map.',
  ),
];

const PACKET_LOAD: readonly MessageWords[] = [
  row(
    /R6 != pointer to skb/,
    () => 'The old packet-load instructions take the packet from R6, which must hold the context.',
    'Keep ctx in R6 (the compiler does, if the built-in load functions get ctx), or use bpf_skb_load_bytes.',
  ),
  row(
    /not allowed for this program type/,
    () => 'Programs of this type have no packet that the old packet-load instructions could read.',
    'Use the helpers of this program type.',
  ),
];

const BY_CODE: Readonly<Record<string, readonly MessageWords[]>> = {
  'kfunc-argument': KFUNC_ARGUMENT,
  'global-function-argument': GLOBAL_ARGUMENT,
  'kernel-struct-access': KERNEL_STRUCT,
  'modified-pointer': MODIFIED,
  'stack-uninitialized': STACK,
  'stack-out-of-bounds': STACK,
  'packet-load': PACKET_LOAD,
};

/** What the message of a refusal tells beyond its code; undefined when it tells no more. */
export function byMessage(scene: Scene): Explanation | undefined {
  const rows = BY_CODE[scene.data.code] as readonly MessageWords[] | undefined;
  const message = scene.fact('detail') || scene.data.message;
  for (const { pattern, words } of rows ?? []) {
    const match = pattern.exec(message);
    if (match !== null) return words(match.groups ?? {}, scene);
  }
  return undefined;
}
