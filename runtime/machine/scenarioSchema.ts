/**
 * JSON schema of scenarios, version 1, for editors. `readScenario` is what decides; a test holds the two together.
 */
import { FEATURES } from '../spec/features';
import { PROFILES } from '../spec/profile';

const text = { type: ['string', 'number'] } as const;
const cpu = { type: 'integer', minimum: 0, maximum: 63, description: 'Virtual CPU that does it.' } as const;

const step = (
  kind: string,
  main: object,
  beside: Readonly<Record<string, object>> = {},
  required: readonly string[] = [],
): object => ({
  type: 'object',
  additionalProperties: false,
  required: [kind, ...required],
  properties: { [kind]: main, ...beside },
});

const map = { type: 'string', description: 'Name of a map.' } as const;
const program = { type: 'string', description: 'Name of a program.' } as const;
const key = { ...text, description: 'Key: a C initialiser or hexadecimal bytes.' } as const;

export const SCENARIO_SCHEMA = {
  $schema: 'http://json-schema.org/draft-07/schema#',
  title: 'BPF Studio scenario',
  type: 'object',
  additionalProperties: false,
  required: ['version'],
  properties: {
    version: { const: 1 },
    object: { type: 'string', description: 'C source or object, relative to this file.' },
    kernel: { enum: PROFILES.map((p) => p.name), description: 'Kernel profile.' },
    cpus: { type: 'integer', minimum: 1, maximum: 64, default: 2 },
    seed: { type: 'integer', minimum: 0, default: 1, description: 'Feeds everything random.' },
    fixes: {
      type: 'object',
      additionalProperties: false,
      description: 'Kernel behaviours to switch off.',
      properties: Object.fromEntries(
        Object.entries(FEATURES).map(([name, row]) => [name, { enum: ['on', 'off'], description: row.what }]),
      ),
    },
    check: {
      type: 'object',
      additionalProperties: false,
      description: 'What a search for races looks for.',
      properties: {
        dataRace: {
          enum: ['on', 'off'],
          default: 'on',
          description: 'Accesses to the same bytes of a map value that nothing orders.',
        },
      },
    },
    programs: { type: 'array', items: { type: 'string' }, description: 'Programs to load; all if absent.' },
    budget: {
      type: 'integer',
      minimum: 1,
      description: 'Work without a pause before the run counts as endless.',
    },
    steps: { type: 'array', items: { $ref: '#/definitions/step' } },
  },
  definitions: {
    step: {
      oneOf: [
        step('run', program, {
          cpu,
          packet: { type: 'string', description: 'Packet bytes in hexadecimal.' },
          ctx: { type: 'string', description: 'Context bytes in hexadecimal.' },
          repeat: { type: 'integer', minimum: 1 },
          context: { enum: ['task', 'softirq', 'hardirq', 'nmi'] },
        }),
        step('advance', { ...text, description: 'Virtual time: 10ms, 2s, 500us.' }),
        step('suspend', {
          ...text,
          description: 'The machine sleeps for so long; only CLOCK_BOOTTIME goes on.',
        }),
        step('setClock', {
          ...text,
          description: 'Somebody sets the wall clock: time since 1970, as a duration.',
        }),
        step('update', map, { cpu, key, value: text, flags: text }, ['key', 'value']),
        step('delete', map, { cpu, key }, ['key']),
        step('lookup', map, { cpu, key }, ['key']),
        step('take', map, { cpu, key }, ['key']),
        step('deleteBatch', map, { cpu, keys: { type: 'array', items: text } }, ['keys']),
        step('memory', {
          oneOf: [{ type: 'integer', minimum: 0 }, { const: 'enough' }],
          description: 'So many allocations of the kernel still succeed.',
        }),
        step('close', map, { cpu }),
        step('pin', map, { cpu }),
        step('unpin', map, { cpu }),
        step('attach', program, { cpu }),
        step('detach', program, { cpu }),
        step('unload', program, { cpu }),
        step('parallel', { type: 'array', items: { type: 'array', items: { $ref: '#/definitions/step' } } }),
        step('expect', { $ref: '#/definitions/expectation' }),
      ],
    },
    expectation: {
      type: 'object',
      additionalProperties: false,
      properties: {
        returns: { type: 'integer', description: 'r0 of the last run.' },
        errno: {
          type: ['integer', 'string'],
          description: '0 or a name such as ENOENT, of the last map operation.',
        },
        maps: {
          type: 'object',
          additionalProperties: {
            type: 'object',
            additionalProperties: { type: ['string', 'number', 'null'] },
          },
        },
        timers: {
          type: 'object',
          additionalProperties: {
            type: 'object',
            additionalProperties: false,
            properties: {
              state: { enum: ['initialised', 'ready', 'armed', 'running', 'running+armed'] },
              fires: { type: 'integer', minimum: 0 },
              callback: { type: 'string' },
            },
          },
        },
        output: { type: 'array', items: { type: 'string' } },
      },
    },
  },
} as const;
