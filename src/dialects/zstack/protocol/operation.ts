import { type Static, Type as T, type TObject, type TSchema } from 'typebox';
import {
  type AnyOperation,
  type Call,
  type Operation,
  type OperationExample,
  operation,
} from '../../../api/operation.ts';
import type { Allowed } from '../../../cloud/identity/subject.ts';
import type { InventoryDefinition } from '../../../cloud/query/inventory.ts';
import { inventorySchema } from '../query/inventory-schema.ts';
import { javaClassMap, withJavaClasses } from '../query/java-classes.ts';
import { resourceUuidField, tagUuidsField } from './field-schemas.ts';
import { type AsyncOutcome, runJob } from './run-job.ts';
import { bodyKeyOf } from './select-operation.ts';
import { type Created, checkTags, keepTags } from './system-tags.ts';
import { type Tags, tagFields } from './tag-fields.ts';
import { giveTraits, type Traits } from './traits.ts';

/** How long an operation may take where nothing else is said, seconds: the dialect's own default. */
const defaultTimeout = 30 * 60;

type NoFields = TObject<Record<never, TSchema>>;

interface Common<Params extends TObject, Query extends TObject, Body extends TObject> {
  id: string;
  group: string;
  /** The package of the operation's Java class, without `org.zstack.`, as `header.image`. */
  package: string;
  method: 'GET' | 'POST' | 'PUT' | 'DELETE';
  path: string;
  since?: string;
  allow: Allowed;
  params?: Params;
  query?: Query;
  body?: Body;
  title: string;
  summary: string;
  examples: readonly OperationExample[];
  bodyKeyAliases?: readonly string[];
  fitsPlainParams?: Traits['fitsPlainParams'];
  ofUsers?: Traits['ofUsers'];
  dryRun?: false;
}

/** What a handler gets: the valid fields of the request, wherever they stood, and who asks. */
export type Input<Params extends TObject, Query extends TObject, Body extends TObject> = Pick<
  Call,
  'cloud' | 'subject' | 'raw' | 'origin'
> & { input: Static<Params> & Static<Query> & Static<Body> & Tags & { resourceUuid?: string } };

/** An operation that answers with its result: reads, and logging in and out. */
export function syncOperation<
  Params extends TObject = NoFields,
  Query extends TObject = NoFields,
  Body extends TObject = NoFields,
>(
  definition: Common<Params, Query, Body> & {
    response: TObject;
    handle(call: Input<Params, Query, Body>): Promise<Record<string, unknown>> | Record<string, unknown>;
  },
): AnyOperation {
  const response = withClassMap(definition.response);
  return made(definition, 'sync', { 200: response }, {}, async (call) => ({
    body: withJavaClasses(response, call.raw, await definition.handle(inputOf(call))),
  }));
}

/** An operation that runs as a job: everything that changes something. */
export function jobOperation<
  Params extends TObject = NoFields,
  Query extends TObject = NoFields,
  Body extends TObject = NoFields,
>(
  definition: Common<Params, Query, Body> & {
    /** The inventory that the answer shows; or the answer's own members; or nothing. */
    result?: InventoryDefinition;
    response?: TObject;
    /** Makes the answer's own members once the work is done, of what `uuid` of the outcome names. */
    answer?: Traits['answer'];
    /** What it makes: the request may say the uuid and the tags that this shall have. */
    creates?: Created;
    /** Whether its system tags may be any text, as its published page shows it. */
    anySystemTags?: boolean;
    timeoutSeconds?: number;
    describeFailure?: Traits['describeFailure'];
    handle(call: Input<Params, Query, Body>): Promise<AsyncOutcome> | AsyncOutcome;
  },
): AnyOperation {
  const { result, response, answer: answerWith, timeoutSeconds, describeFailure, creates } = definition;
  const shown = result && { inventory: T.Optional(inventorySchema(result)), success: T.Optional(T.Boolean()) };
  const success = withClassMap(T.Object({ ...shown, ...response?.properties }));
  const traits = { result, response: success, answer: answerWith, timeoutSeconds, describeFailure };
  const whole = creates ? { ...definition, body: withNewResource(definition.body) } : definition;
  const perform = async (call: Call) => {
    const given = inputOf<Params, Query, Body>(call);
    if (!creates) return await definition.handle(given);
    const { cloud, subject, input } = given;
    await checkTags(cloud, subject, creates, definition.anySystemTags ? { ...input, systemTags: [] } : input);
    const outcome = await definition.handle(given);
    if (outcome.uuid) await keepTags(cloud, subject, creates, outcome.uuid, input);
    return outcome;
  };
  const built = made(whole, 'async', { 200: success, 202: location }, traits, async (call) => {
    const answer = await runJob(call, { id: definition.id, traits: built.traits }, () => perform(call));
    return { ...answer, body: withJavaClasses(success, call.raw, answer.body as Record<string, unknown>) };
  });
  return built;
}

const location = T.Object({
  location: T.String({ description: 'Where the result can be asked for.' }),
  apiTimeout: T.Integer({ description: 'Milliseconds after which the job counts as failed.' }),
});

function made(
  definition: Common<TObject, TObject, TObject> & { handle: unknown },
  mode: 'sync' | 'async',
  responses: Operation['responses'],
  more: Partial<Traits>,
  handle: Operation['handle'],
): AnyOperation & { traits: Traits } {
  const { id, method, bodyKeyAliases, fitsPlainParams, ofUsers } = definition;
  const hasBody = method === 'POST' || method === 'PUT';
  const traits: Traits = {
    ...more,
    message: `org.zstack.${definition.package}.API${id}Msg`,
    bodyKeyAliases,
    fitsPlainParams,
    ofUsers,
    timeoutSeconds: more.timeoutSeconds ?? defaultTimeout,
  };
  const built = operation({
    id,
    dialect: 'zstack',
    group: definition.group,
    method,
    path: definition.path,
    bodyKey: hasBody ? (method === 'POST' ? 'params' : bodyKeyOf(id)) : undefined,
    since: definition.since,
    mode,
    allow: definition.allow,
    params: definition.params,
    query: hasBody ? definition.query : withDeleteMode(method, definition.query),
    body: hasBody ? withTags(definition.body) : undefined,
    responses,
    errors: [400, 503],
    title: definition.title,
    summary: definition.summary,
    examples: definition.examples,
    ...(definition.dryRun === false ? { dryRun: false } : {}),
    handle,
  });
  return Object.assign(giveTraits(built, traits), { traits });
}

function withClassMap(response: TObject): TObject {
  return T.Object({ ...response.properties, schema: T.Optional(javaClassMap) });
}

function withNewResource(body: TObject | undefined): TObject {
  return T.Object({ ...body?.properties, resourceUuid: resourceUuidField, tagUuids: tagUuidsField });
}

const tagList = (description: string, maxLength: number) =>
  T.Optional(T.Array(T.String({ maxLength }), { description, maxItems: 100 }));

function withTags(body: TObject | undefined): TObject {
  const [system, user] = tagFields;
  return T.Object({
    ...body?.properties,
    // One of them brings user data.
    [system]: tagList('System tags: what the resource is to be made with, in the server’s own notations.', 66_000),
    [user]: tagList('User tags: free text to find the resource by.', 2048),
  });
}

/** Every deletion takes `deleteMode`; SDKs send it even with no value. */
function withDeleteMode(method: string, query: TObject | undefined): TObject | undefined {
  if (method !== 'DELETE') return query;
  const deleteMode = T.Optional(
    T.String({
      description: 'Permissive (checks may refuse) or Enforcing; accepted, deletions never need force here.',
    }),
  );
  return T.Object({ ...query?.properties, deleteMode });
}

/** The fields of a request in one object: those in the URL win over those in the body. */
function inputOf<Params extends TObject, Query extends TObject, Body extends TObject>(
  call: Call,
): Input<Params, Query, Body> {
  const { cloud, subject, raw, origin } = call;
  const fields = { ...(call.body as object | undefined), ...(call.query as object), ...(call.params as object) };
  return { cloud, subject, raw, origin, input: fields as Input<Params, Query, Body>['input'] };
}
