import { Type } from 'typebox';
import { operation } from '../../api/operation.ts';
import { type FaultRule, faultCodes, faultEffects } from '../../cloud/faults/model.ts';
import { instant, Nullable } from './wire.ts';

const common = { dialect: 'native', group: 'faults', since: '1.0', mode: 'sync', allow: 'admin' } as const;
const Params = Type.Object({ fault_id: Type.String() });
const exampleParams = { fault_id: 'fa017000a5e04c1da11a71e711a00501' };

const Effect = Type.Union(
  faultEffects.map((effect) => Type.Literal(effect)),
  {
    description:
      '`delay`: it takes longer. `error`: it fails. `stuck`: an action stands still until the fault is removed or its ' +
      'resource deleted. `lost_host`: a host does not answer; its guests go on.',
  },
);
const Code = Type.Union(
  faultCodes.map((code) => Type.Literal(code)),
  { description: 'What an error is; each API has its own status for it. `internal` is a 500.' },
);
const pattern = (description: string) => Type.String({ minLength: 1, maxLength: 255, description });
const operationText =
  'Operations of APIs by id (`CreateServer`, `compute.*`) or actions by kind (`server.create`); `*` and `?` stand for anything.';

const Fault = Type.Object({
  id: Type.String(),
  effect: Effect,
  operation: Nullable(Type.String()),
  project_id: Nullable(Type.String()),
  name: Nullable(Type.String()),
  host: Nullable(Type.String()),
  step: Nullable(Type.String()),
  delay_seconds: Type.Number(),
  code: Code,
  message: Type.String(),
  times_left: Nullable(Type.Integer()),
  hits: Type.Integer({ description: 'How often it has happened.' }),
  created_at: Type.String({ format: 'date-time' }),
});

const NewFault = Type.Object({
  effect: Effect,
  operation: Type.Optional(pattern(operationText)),
  project_id: Type.Optional(pattern('Only what is asked for in this project.')),
  name: Type.Optional(pattern('Only servers, volumes and images of such a name; `*` and `?` stand for anything.')),
  host: Type.Optional(pattern('The name of the host to lose.')),
  step: Type.Optional(pattern('Of an action: the step before which it happens, as `startGuest`; else the first one.')),
  delay_seconds: Type.Optional(Type.Number({ minimum: 0, maximum: 86_400 })),
  code: Type.Optional(Code),
  message: Type.Optional(Type.String({ maxLength: 1000 })),
  times: Type.Optional(Type.Integer({ minimum: 1, description: 'How often it is to happen; else always.' })),
});

function faultView(rule: FaultRule) {
  return {
    id: rule.id,
    effect: rule.effect,
    operation: rule.operation,
    project_id: rule.projectId,
    name: rule.name,
    host: rule.host,
    step: rule.step,
    delay_seconds: rule.delayMs / 1000,
    code: rule.code,
    message: rule.message,
    times_left: rule.timesLeft,
    hits: rule.hits,
    created_at: instant(rule.createdAt),
  };
}

export const faultOperations = [
  operation({
    ...common,
    id: 'ListFaults',
    method: 'GET',
    path: '/faults',
    responses: { 200: Type.Object({ faults: Type.Array(Fault) }) },
    errors: [401, 403, 409],
    title: 'List injected faults',
    summary: 'What is made to go wrong, and how often it did. Needs a cloud that was started with --enable-faults.',
    examples: [{ title: 'All', status: 200 }],
    async handle({ cloud, subject }) {
      return { body: { faults: cloud.faults.list(subject).map(faultView) } };
    },
  }),
  operation({
    ...common,
    id: 'AddFault',
    dryRun: false,
    method: 'POST',
    path: '/faults',
    body: Type.Object({ fault: NewFault }),
    responses: { 201: Type.Object({ fault: Fault }) },
    errors: [400, 401, 403, 409],
    title: 'Inject a fault',
    summary: 'Makes something go wrong for whoever it fits, so that automation can be tried against it.',
    examples: [
      {
        title: 'The next server called web-1 stays in BUILD',
        body: { fault: { effect: 'stuck', operation: 'server.create', name: 'web-1', times: 1 } },
        status: 201,
      },
    ],
    async handle({ cloud, subject, body: { fault } }) {
      const { project_id, delay_seconds, ...rest } = fault;
      const delayMs = delay_seconds === undefined ? undefined : Math.round(delay_seconds * 1000);
      const rule = await cloud.faults.add(subject, { ...rest, projectId: project_id, delayMs });
      return { body: { fault: faultView(rule) } };
    },
  }),
  operation({
    ...common,
    id: 'RemoveFault',
    dryRun: false,
    method: 'DELETE',
    path: '/faults/{fault_id}',
    params: Params,
    responses: { 204: null },
    errors: [401, 403, 404, 409],
    title: 'Remove an injected fault',
    summary: 'It goes wrong no more; what it kept stuck goes on.',
    examples: [{ title: 'By id', params: exampleParams, status: 204 }],
    async handle({ cloud, subject, params }) {
      await cloud.faults.remove(subject, params.fault_id);
      return {};
    },
  }),
];
