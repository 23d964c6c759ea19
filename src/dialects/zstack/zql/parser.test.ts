import { describe, expect, it } from 'vitest';
import { parseZql } from './parser.ts';

describe('ZQL', () => {
  it('reads a query with all of its parts', () => {
    const [statement] = parseZql(
      `query vminstance.uuid,name where (name like 'web%' or cpuNum >= 2) and vmNics.ip not in ('10.0.0.1', "10.0.0.2")
       restrict by (zone.uuid = 'z') return with (total) order by name desc, uuid limit 10 offset 20 named as 'x'`,
    );
    expect(statement).toEqual({
      kind: 'query',
      entity: 'vminstance',
      fields: ['uuid', 'name'],
      where: {
        and: [
          {
            or: [
              { path: ['name'], operator: 'like', values: ['web%'] },
              { path: ['cpuNum'], operator: '>=', values: ['2'] },
            ],
          },
          { path: ['vmNics', 'ip'], operator: 'not in', values: ['10.0.0.1', '10.0.0.2'] },
        ],
      },
      restrict: [{ path: ['zone', 'uuid'], operator: '=', values: ['z'] }],
      groupBy: [],
      orderBy: [
        { field: 'name', descending: true },
        { field: 'uuid', descending: false },
      ],
      limit: 10,
      offset: 20,
      returnWith: ['total'],
      name: 'x',
    });
  });

  it('reads counts, sums, sub-queries and several statements', () => {
    const [count, sum, nested] = parseZql(
      `count image where description is not null; SUM volume.size by status;
       query volume where vmInstanceUuid in (query vminstance.uuid where state = 'Running') and isShareable = false;`,
    );
    expect(count).toMatchObject({ kind: 'count', where: { path: ['description'], operator: 'is not null' } });
    expect(sum).toMatchObject({ kind: 'sum', fields: ['size'], by: 'status' });
    expect(nested?.where).toMatchObject({
      and: [{ path: ['vmInstanceUuid'], negated: false, among: { entity: 'vminstance', fields: ['uuid'] } }, {}],
    });
  });

  it('takes words of the language for names, and quotes within texts', () => {
    const [statement] = parseZql(`query tag where order = 'it\\'s' and count is null group by limit`);
    expect(statement).toMatchObject({
      groupBy: ['limit'],
      where: { and: [{ path: ['order'], values: ["it's"] }, {}] },
    });
  });

  it.each([
    '',
    'query',
    'query vm where',
    "query vm where name = 'x",
    'drop table servers',
    'query vm limit x',
    'query vm where a = 1 2',
  ])('refuses %j', (text) => {
    expect(() => parseZql(text)).toThrow(SyntaxError);
  });
});
