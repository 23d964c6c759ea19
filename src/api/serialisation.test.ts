import { Type } from 'typebox';
import { describe, expect, it } from 'vitest';
import { Serialiser } from './serialisation.ts';

const schema = Type.Object({
  things: Type.Array(Type.Object({ id: Type.Integer(), name: Type.String() })),
  next: Type.Optional(Type.String()),
});
const thing = (id: number) => ({ id, name: `thing "${id}"`, secret: 'stays' });

describe('lists of shared items', () => {
  const serialiser = new Serialiser(schema);

  it('read as they do when they are serialised whole', () => {
    for (const body of [
      { things: [] },
      { things: [thing(1)] },
      { things: [thing(1), thing(2)], next: 'there' },
      { things: [], next: 'there', other: 1 },
    ]) {
      const text = serialiser.text({ body, sharedItems: 'things' });
      expect(JSON.parse(text)).toEqual(JSON.parse(serialiser.text({ body })));
      expect(text).not.toContain('stays');
    }
  });

  it('serialise each item once', () => {
    const one = thing(1);
    const first = serialiser.text({ body: { things: [one] }, sharedItems: 'things' });
    one.name = 'another';
    expect(serialiser.text({ body: { things: [one] }, sharedItems: 'things' })).toBe(first);
    expect(serialiser.text({ body: { things: [{ ...one }] }, sharedItems: 'things' })).toContain('another');
  });
});
