import { readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { describe, expect, it } from 'vitest';
import { compare } from '../../console/history/compare.ts';
import { type ApiSnapshot, operationsOf } from '../../console/history/snapshot.ts';
import { historyOf, readSnapshots, snapshotOf } from '../../console/history/snapshots.ts';

const root = resolve(import.meta.dirname, '../..');

function snapshot(operations: Record<string, { path?: string; takes?: object; required?: string[]; gives?: object }>) {
  const paths = Object.fromEntries(
    Object.entries(operations).map(
      ([operationId, { path = `/${operationId}`, takes = {}, required = [], gives = {} }]) => [
        path,
        {
          post: {
            operationId,
            requestBody: {
              content: { 'application/json': { schema: { type: 'object', properties: takes, required } } },
            },
            responses: {
              200: { content: { 'application/json': { schema: { type: 'object', properties: gives } } } },
              404: {},
            },
          },
        },
      ],
    ),
  );
  return { version: '1.0.0', date: '2026-01-01', products: { native: operationsOf({ paths }) } } satisfies ApiSnapshot;
}

const text = { type: 'string' };
const differences = (before: ApiSnapshot, after: ApiSnapshot) =>
  compare(before, after).changes.map(({ kind, differences: some }) => [
    kind,
    ...(some ?? []).map((d) => `${d.check} ${d.at}`),
  ]);

describe('changes between releases', () => {
  it('tell operations that came and went', () => {
    const { changes } = compare(snapshot({ Old: {}, Same: {} }), snapshot({ New: {}, Same: {} }));
    expect(changes).toEqual([
      { product: 'native', operation: 'New', kind: 'added' },
      { product: 'native', operation: 'Old', kind: 'removed' },
    ]);
  });

  it('know what breaks a program, and what does not', () => {
    const before = snapshot({ Show: { takes: { name: text }, gives: { id: text } } });
    const cases = [
      [{ takes: { name: text, note: text }, gives: { id: text } }, ['changed', 'fieldAdded note']],
      [
        { takes: { name: text, zone: text }, required: ['zone'], gives: { id: text } },
        ['breaking', 'fieldRequired zone'],
      ],
      [{ takes: { name: text }, required: ['name'], gives: { id: text } }, ['breaking', 'fieldRequired name']],
      [{ takes: {}, gives: { id: text } }, ['breaking', 'fieldRemoved name']],
      [{ takes: { name: text }, gives: {} }, ['breaking', 'answerRemoved 200 id']],
      [{ takes: { name: text }, gives: { id: text, at: text } }, ['changed', 'answerAdded 200 at']],
      [{ takes: { name: { type: 'integer' } }, gives: { id: text } }, ['changed', 'fieldType name']],
      [{ path: '/there', takes: { name: text }, gives: { id: text } }, ['breaking', 'moved POST /there']],
    ] as const;
    for (const [now, told] of cases)
      expect(differences(before, snapshot({ Show: { ...now } as object }))).toEqual([told]);
    expect(differences(before, before)).toEqual([]);
  });

  it('let a new part of a request have what it needs', () => {
    const part = { type: 'object', properties: { size: text }, required: ['size'] };
    const before = snapshot({ Make: { takes: { name: text } } });
    const after = snapshot({ Make: { takes: { name: text, disk: part } } });
    expect(differences(before, after)).toEqual([['changed', 'fieldAdded disk', 'fieldAdded disk.size']]);
  });
});

describe('the history that the explorer shows', () => {
  const snapshots = readSnapshots();

  it('is what comparing the kept documents gives', () => {
    const shown: unknown = JSON.parse(readFileSync(join(root, 'console/src/explorer/history.json'), 'utf8'));
    expect(shown).toEqual(historyOf(snapshots));
    expect(historyOf(snapshots).flatMap(({ changes }) => changes).length).toBeGreaterThan(100);
  });

  it('breaks nothing within a major version that has been released', async () => {
    const newest = snapshots.at(-1)!;
    const [major = 0] = newest.version.split('.').map(Number);
    const { version } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as { version: string };
    const now = await snapshotOf(root, version, newest.date);
    const broken = compare(newest, now).changes.filter(({ kind }) => kind === 'breaking' || kind === 'removed');
    // Before 1.0 anything may change; the history still says so.
    const mayBreak = major === 0 || Number(version.split('.')[0]) > major;
    expect(mayBreak ? [] : broken).toEqual([]);
    expect(Object.keys(now.products)).toEqual(expect.arrayContaining(['native', 'compute', 'k5', 'zstack']));
  });
});
