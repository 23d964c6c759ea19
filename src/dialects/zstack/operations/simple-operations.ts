import type { Static, TObject, TProperties } from 'typebox';
import { Type as T } from 'typebox';
import type { AnyOperation, OperationExample } from '../../../api/operation.ts';
import { CloudError } from '../../../cloud/errors.ts';
import type { Allowed } from '../../../cloud/identity/subject.ts';
import type { InventoryDefinition } from '../../../cloud/query/inventory.ts';
import { descriptionField, optionalName, stateEventField, uuidIn } from '../protocol/field-schemas.ts';
import { type Input, jobOperation } from '../protocol/operation.ts';
import type { AsyncOutcome } from '../protocol/run-job.ts';
import { bodyKeyOf } from '../protocol/select-operation.ts';
import type { Traits } from '../protocol/traits.ts';
import { requireUuid } from './images.ts';

type UuidIn = ReturnType<typeof uuidIn<'uuid'>>;
type None = TObject<Record<never, never>>;

interface Shared {
  id: string;
  group: string;
  package: string;
  path: string;
  since?: string;
  allow?: Allowed;
  ofUsers?: Traits['ofUsers'];
  title: string;
  summary: string;
  /** The resource as the examples show it. */
  example: Record<string, unknown>;
}

/** DELETE of one resource by its uuid: `{}`, also where it is not there any more. */
export function deletion(
  about: Shared & { remove(call: Input<UuidIn, None, None>): Promise<AsyncOutcome | undefined> },
): AnyOperation {
  const { example, remove, allow = 'member', ...rest } = about;
  return jobOperation({
    ...rest,
    allow,
    method: 'DELETE',
    params: uuidIn('uuid', 'What is to be deleted.'),
    examples: [{ title: 'Delete', params: { uuid: String(example['uuid']) }, status: 200, response: {} }],
    handle: async (call) => {
      requireUuid(call.input.uuid);
      try {
        return (await remove(call as Input<UuidIn, None, None>)) ?? {};
      } catch (error) {
        if (error instanceof CloudError && error.code === 'not_found') return {};
        throw error;
      }
    },
  });
}

interface Changing extends Shared {
  result: InventoryDefinition;
}

const noteFields = T.Object({ name: optionalName, description: descriptionField });

/** PUT of a new name or description, and what else `body` has. */
export function change<More extends TProperties = Record<never, never>>(
  about: Changing & {
    body?: More;
    apply(call: Input<UuidIn, None, typeof noteFields>, more: Static<TObject<More>>): Promise<AsyncOutcome | undefined>;
  },
): AnyOperation {
  const { example, apply, body, allow = 'member', ...rest } = about;
  const uuid = String(example['uuid']);
  return jobOperation({
    ...rest,
    allow,
    method: 'PUT',
    params: uuidIn('uuid', 'What is to be changed.'),
    body: T.Object({ ...noteFields.properties, ...body }) as never,
    examples: [
      {
        title: 'Rename',
        params: { uuid },
        body: { [bodyKeyOf(about.id)]: { name: example['name'] } },
        status: 200,
        response: { inventory: example, success: true },
      },
    ],
    handle: async (call) => {
      const input = call.input as { uuid: string };
      return (await apply(call as never, call.input as never)) ?? { uuid: input.uuid };
    },
  });
}

/** PUT of `stateEvent`: enable or disable. */
export function stateChange(
  about: Changing & {
    apply(call: Input<UuidIn, None, None>, enabled: boolean): Promise<unknown>;
  },
): AnyOperation {
  const { example, apply, allow = 'member', ...rest } = about;
  const uuid = String(example['uuid']);
  return jobOperation({
    ...rest,
    allow,
    method: 'PUT',
    params: uuidIn('uuid', 'What is to be changed.'),
    body: T.Object({ stateEvent: stateEventField }),
    examples: [
      {
        title: 'Enable',
        params: { uuid },
        body: { [bodyKeyOf(about.id)]: { stateEvent: 'enable' } },
        status: 200,
        response: { inventory: example, success: true },
      },
    ],
    handle: async (call) => {
      await apply(call as never, call.input.stateEvent === 'enable');
      return { uuid: call.input.uuid };
    },
  });
}

/** The one example that most creations have. */
export function creationExample(
  title: string,
  params: Record<string, unknown>,
  inventory: Record<string, unknown>,
  path?: Record<string, string>,
): OperationExample {
  const example = { title, body: { params }, status: 200, response: { inventory, success: true } };
  return path ? { ...example, params: path } : example;
}
