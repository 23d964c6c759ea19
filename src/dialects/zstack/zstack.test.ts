import type { FastifyRequest } from 'fastify';
import type { TObject } from 'typebox';
import { Compile } from 'typebox/compile';
import { describe, expect, it } from 'vitest';
import { knownOperations } from './protocol/known-operations.ts';
import { selectOperation } from './protocol/select-operation.ts';
import { zstack } from './zstack.ts';

/**
 * Operations of the protocol itself, and second paths of one: ZStack does not count those as operations. Its reserved
 * addresses are told by their networks alone.
 */
const own = (id: string) => /^Query(ApiJob|ReservedIpRange)$/.test(id) || /By(Uuid|Actions|Category)$/.test(id);

describe('every operation', () => {
  it.each(zstack.operations.map((operation) => [operation.id, operation] as const))(
    '%s is one of ZStack’s',
    (id, operation) => {
      const path = operation.path.replaceAll(/\{\w+\}/g, 'x');
      if (own(id)) return;
      expect(knownOperations(operation.method, path)).toContain(id);
    },
  );

  it.each(zstack.operations.map((operation) => [operation.id, operation] as const))(
    '%s takes and gives what its examples say',
    (_, operation) => {
      expect(operation.examples.length).toBeGreaterThan(0);
      for (const example of operation.examples) {
        const sharing = zstack.operations.filter(
          ({ method, path }) => method === operation.method && shapeOf(path) === shapeOf(operation.path),
        );
        const params = example.params ?? {};
        const url = `/zstack/v1${operation.path.replaceAll(/\{(\w+)\}/g, (_all, name: string) => params[name]!)}`;
        const request = { method: operation.method, url, body: example.body, params } as unknown as FastifyRequest;
        const { operation: chosen, body } = selectOperation(sharing, request);
        expect(chosen.id).toBe(operation.id);
        if (operation.body) expect(Compile(operation.body as TObject).Check(body)).toBe(true);
        const response = operation.responses[example.status];
        if (response && response !== 'stream') expect(Compile(response).Check(example.response)).toBe(true);
      }
    },
  );

  it('has an id of its own', () => {
    const ids = zstack.operations.map(({ id }) => id);
    expect(new Set(ids).size).toBe(ids.length);
  });
});

function shapeOf(path: string): string {
  return path.replaceAll(/\{\w+\}/g, '{}');
}
