/** bpf_trace_printk and relatives. */
import { utf8Encode } from '../util/utf8';
import { formatKernel } from './format';
import { memoryArg, u32Arg, value, type HelperCall, type HelperHandler, type HelperResult } from './protocol';

/** Records a line of output; a trailing newline is not part of it. */
function print(call: HelperCall, text: string): HelperResult {
  const { kernel } = call;
  kernel.event({
    kind: 'print',
    atNs: kernel.nowNs,
    cpu: kernel.cpu,
    text: text.endsWith('\n') ? text.slice(0, -1) : text,
    place: kernel.callPlace(),
  });
  return value(utf8Encode(text).length);
}

export const printHelpers = {
  bpf_trace_printk: (call) => {
    const size = u32Arg(call, 1);
    const format = call.kernel.memory.read(memoryArg(call, 0, size), size);
    const result = formatKernel(call.kernel, format, call.args.slice(2));
    return typeof result === 'number' ? value(result) : print(call, result);
  },
} satisfies Record<string, HelperHandler>;
