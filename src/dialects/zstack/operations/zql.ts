import { Type as T } from 'typebox';
import { runSum } from '../../../cloud/query/run-query.ts';
import { syncOperation } from '../protocol/operation.ts';
import { requireReading } from '../protocol/permission.ts';
import { formatTimestamp, parseTimestamp } from '../protocol/timestamp.ts';
import { invalidArgument } from '../protocol/zstack-error.ts';
import { ofClass } from '../query/java-classes.ts';
import { runQuery } from '../query/query.ts';
import type { Statement } from '../zql/ast.ts';

const maxStatements = 20;

const result = T.Object(
  {
    name: T.Optional(T.String({ description: 'What `named as` said.' })),
    inventories: T.Optional(T.Array(T.Record(T.String(), T.Unknown()))),
    total: T.Optional(T.Integer({ description: 'How many rows there are, where it was asked for.' })),
  },
  ofClass('org.zstack.zql.ZQLQueryReturn'),
);

async function parse(text: string): Promise<Statement[]> {
  // The grammar takes a moment to be made: only those who use it wait for it.
  const { parseZql } = await import('../zql/parser.ts');
  try {
    return parseZql(text);
  } catch (error) {
    if (error instanceof SyntaxError) throw invalidArgument(`[${text}] is not valid ZQL, ${error.message}`);
    throw error;
  }
}

const zqlQuery = syncOperation({
  id: 'ZQLQuery',
  group: 'Query',
  package: 'query',
  method: 'GET',
  path: '/zql',
  since: '3.3.0',
  allow: 'reader',
  query: T.Object({
    zql: T.String({
      maxLength: 16384,
      description:
        "Statements parted by semicolons, as `query vminstance where name like 'web%' order by name limit 10`.",
    }),
  }),
  response: T.Object({ results: T.Array(result) }),
  title: 'Query by ZQL',
  summary:
    'query, count or sum of any inventory, with and, or, in (query …), order by, group by, limit, offset, return with (total).',
  examples: [
    {
      title: 'Servers by name',
      query: { zql: "query vminstance.uuid,name where name like 'web%' order by name limit 10 return with (total)" },
      status: 200,
      response: { results: [{ inventories: [{ uuid: '3b9c1c0f2a6d4f7e8f5a1d2c3b4e5f60', name: 'web-1' }], total: 1 }] },
    },
    {
      title: 'How many images are ready',
      query: { zql: "count image where status = 'Ready' and backupStorageRefs.status = 'Ready'" },
      status: 200,
      response: { results: [{ total: 3 }] },
    },
  ],
  handle: async ({ cloud, subject, input }) => {
    const statements = await parse(input.zql);
    if (statements.length > maxStatements) throw invalidArgument(`${maxStatements} statements at most`);
    const { inventoriesOf, translate } = await import('../zql/translate.ts');
    const times = { parse: parseTimestamp, format: formatTimestamp };
    const results: Record<string, unknown>[] = [];
    for (const statement of statements) {
      for (const { className } of inventoriesOf(statement)) requireReading(subject, className);
      const { definition, query } = translate(statement);
      const named = statement.name === undefined ? {} : { name: statement.name };
      if (statement.kind === 'sum') {
        if (statement.fields.length === 0) throw invalidArgument('sum needs a field, as sum volume.size');
        const summed = { fields: statement.fields, by: statement.by ? [statement.by] : statement.groupBy };
        results.push({ ...named, inventories: await runSum(cloud, definition, subject, query, summed, times) });
        continue;
      }
      results.push({ ...named, ...(await runQuery(cloud, definition, subject, query)) });
    }
    return { results };
  },
});

export const zqlOperations = [zqlQuery];
