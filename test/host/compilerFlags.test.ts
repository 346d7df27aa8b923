/** The allowlist of compiler flags: what passes, and above all what does not. */
import * as assert from 'node:assert/strict';
import * as fc from 'fast-check';
import { chooseFlags } from '../../runtime/host/compilerFlags';
import { splitCommand } from '../../runtime/host/compileCommands';

describe('compiler flags', () => {
  it('pass when they only say what to translate and how', () => {
    const flags = [
      '-DX=1',
      '-U',
      'Y',
      '-Iinc',
      '-isystem',
      '/usr/x',
      '-std=gnu11',
      '-O1',
      '-mcpu=v4',
      '-Wno-unused',
    ];
    const choice = chooseFlags(flags, '/w');
    assert.deepEqual(choice.refused, []);
    assert.deepEqual(choice.accepted, [
      '-DX=1',
      '-UY',
      '-I',
      '/w/inc',
      '-isystem',
      '/usr/x',
      '-std=gnu11',
      '-O1',
      '-mcpu=v4',
      '-Wno-unused',
    ]);
  });

  it('are refused when they could run, read or write something else', () => {
    const dangerous = [
      '-fplugin=/tmp/x.so',
      '-Xclang',
      '-load',
      '-B/tmp',
      '@/tmp/flags',
      '-specs=/x',
      '--config=/x',
      '-fuse-ld=/x',
      '-Wl,-plugin',
      '-Wp,-MD,x',
      '-fpass-plugin=x',
      '-ivfsoverlay',
      '-save-temps',
      '-mllvm',
      '-fcrash-diagnostics-dir=/x',
    ];
    const choice = chooseFlags(dangerous, '/w');
    assert.deepEqual(choice.accepted, []);
    assert.deepEqual(choice.refused, dangerous);
  });

  it('of a recorded command lose the compiler, the input and the output', () => {
    const recorded = splitCommand(
      'clang -target bpf -g -c a.bpf.c -o "out dir/a.o" -MF a.d -I\'my headers\'',
    ).slice(1);
    const choice = chooseFlags(recorded, '/w');
    assert.equal(choice.targetsBpf, true);
    assert.deepEqual(choice.accepted, ['-g', '-I', '/w/my headers']);
    assert.deepEqual(choice.refused, []);
  });

  it('cannot smuggle a flag as the value of another', () => {
    assert.deepEqual(chooseFlags(['-I', '-fplugin=x'], '/w').accepted, []);
    assert.deepEqual(chooseFlags(['-include', '@x'], '/w').accepted, []);
  });

  it('never let anything through that is not on the list, whatever the text', () => {
    const allowed = /^-(?:D|U|I|isystem|iquote|idirafter|include|std=|O|g|m|W|w|f|pedantic|nostdinc)/;
    fc.assert(
      fc.property(fc.array(fc.string()), (flags) => {
        const { accepted } = chooseFlags(flags, '/w');
        for (let i = 0; i < accepted.length; i++) {
          if (accepted[i].startsWith('/')) continue; // The value of the flag before it.
          assert.match(accepted[i], allowed);
        }
      }),
    );
  });
});
