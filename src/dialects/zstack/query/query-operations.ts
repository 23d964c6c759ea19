import type { FastifyRequest } from 'fastify';
import { Type as T } from 'typebox';
import { type AnyOperation, type OperationExample, operation } from '../../../api/operation.ts';
import type { Allowed } from '../../../cloud/identity/subject.ts';
import type { InventoryDefinition } from '../../../cloud/query/inventory.ts';
import { giveTraits } from '../protocol/traits.ts';
import { inventorySchema } from './inventory-schema.ts';
import { javaClassMap, withJavaClasses } from './java-classes.ts';
import { runQuery } from './query.ts';
import { parseQuery } from './query-parameters.ts';

const text = (description: string) => T.Optional(T.Union([T.String(), T.Array(T.String())], { description }));

const parameters = T.Object({
  q: text(
    'A condition, as `name~=web%` or `vmNics.ip=10.0.0.5`; repeat it for more, all have to hold. Operators: = != > >= < <= ~= !~= ?= !?= and “is null”, “not null”.',
  ),
  limit: text('The most rows to give; 1000 where it is left out, and never more.'),
  start: text('How many rows to pass over.'),
  count: text('true: only the number of rows.'),
  replyWithCount: text('true: the number of rows beside the rows.'),
  sort: text('The field to sort by: +name upwards, -name downwards.'),
  groupBy: text('One row for each value of this field, or of these fields together, with commas.'),
  fields: text('Only these members, parted by commas.'),
});

/** The two reads that every inventory has: by conditions, and by uuid (which is a query too: a list of one or none). */
export function queryOperations(
  definition: InventoryDefinition,
  about: {
    id: string;
    group: string;
    package: string;
    path: string;
    since?: string;
    allow?: Allowed;
    title: string;
    example: Record<string, unknown>;
    /** Further paths at which single ones can be read. */
    otherPaths?: readonly { id: string; path: string }[];
    /** False for inventories that have no uuid. */
    byUuid?: boolean;
  },
): AnyOperation[] {
  const { id, group, since, allow = 'reader', title, example } = about;
  const traits = { message: `org.zstack.${about.package}.API${id}Msg`, timeoutSeconds: 1800 };
  const schema = inventorySchema(definition);
  const responses = {
    200: T.Object({
      inventories: T.Optional(T.Array(schema)),
      total: T.Optional(T.Integer({ description: 'How many rows there are.' })),
      schema: T.Optional(javaClassMap),
    }),
  };
  /** Answers of queries have the member for classes also where nobody asked for it. */
  const answerOf = (
    inventories: Record<string, unknown>[] | undefined,
    total: number | undefined,
    raw: FastifyRequest,
  ) =>
    withJavaClasses(responses[200], raw, {
      ...(inventories && { inventories }),
      ...(total !== undefined && { total }),
      schema: {},
    });
  const examples: OperationExample[] = [
    {
      title: `${title}, by name`,
      query: { q: `name=${String(example['name'] ?? 'example')}`, replyWithCount: 'true' },
      status: 200,
      response: { inventories: [example], total: 1 },
    },
  ];
  const common = { dialect: 'zstack', group, method: 'GET', since, mode: 'sync', allow, responses } as const;
  const list = operation({
    ...common,
    id,
    path: about.path,
    query: parameters,
    errors: [400, 503],
    title,
    summary: `${title} that fit all conditions. Dotted fields lead to related resources.`,
    examples: 'name' in definition.fields ? examples : [{ title, status: 200, response: { inventories: [example] } }],
    handle: async ({ cloud, subject, raw }) => {
      const { inventories, total } = await runQuery(
        cloud,
        definition,
        subject,
        parseQuery(raw.query as Record<string, unknown>),
      );
      return { body: answerOf(inventories, total, raw) };
    },
  });
  const byUuid = [{ id: `${id}ByUuid`, path: `${about.path}/{uuid}` }, ...(about.otherPaths ?? [])].map((one) =>
    operation({
      ...common,
      ...one,
      params: T.Object({ uuid: T.String({ description: 'The uuid.' }) }),
      errors: [503],
      title: `${title} by uuid`,
      summary: 'A list of one, or an empty one where there is none of this uuid that the caller may see.',
      examples: [
        {
          title: 'One of them',
          params: { uuid: String(example['uuid']) },
          status: 200,
          response: { inventories: [example] },
        },
      ],
      handle: async ({ cloud, subject, params, raw }) => {
        const query = parseQuery({});
        query.conditions.push({ path: ['uuid'], operator: '=', value: params.uuid });
        const { inventories } = await runQuery(cloud, definition, subject, query);
        return { body: answerOf(inventories, undefined, raw) };
      },
    }),
  );
  return (about.byUuid === false ? [list] : [list, ...byUuid]).map((one) => giveTraits(one, traits));
}
