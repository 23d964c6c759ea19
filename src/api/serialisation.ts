import fastJson from 'fast-json-stringify';
import type { Answer } from './operation.ts';

type Serialise = (value: unknown) => string;

interface ObjectSchema {
  properties: Record<string, { items: object }>;
  required?: string[];
}

/** Turns the bodies of one response into JSON, by what is compiled of its schema. */
export class Serialiser {
  readonly #schema: object;
  readonly #whole: Serialise;
  readonly #shared = new WeakMap<object, string>();
  readonly #lists = new Map<string, { item: Serialise; rest: Serialise }>();

  constructor(schema: object) {
    this.#schema = schema;
    this.#whole = fastJson(schema as fastJson.AnySchema);
  }

  text({ body, isShared, sharedItems }: Answer): string {
    if (isShared) return this.#once(body as object, this.#whole);
    if (sharedItems) return this.#withItems(body as Record<string, unknown>, sharedItems);
    return this.#whole(body);
  }

  /** As it was before with the same object. */
  #once(value: object, serialise: Serialise): string {
    const known = this.#shared.get(value);
    if (known !== undefined) return known;
    const text = serialise(value);
    this.#shared.set(value, text);
    return text;
  }

  /** Long lists are mostly of things that were there the last time: each is serialised once, and they are put together. */
  #withItems(body: Record<string, unknown>, member: string): string {
    const { item, rest } = this.#listSerialisers(member);
    const items = (body[member] as object[]).map((one) => this.#once(one, item));
    const others = rest(body);
    return `{"${member}":[${items.join(',')}]${others === '{}' ? '}' : `,${others.slice(1)}`}`;
  }

  #listSerialisers(member: string) {
    const known = this.#lists.get(member);
    if (known) return known;
    const { properties, required = [], ...schema } = this.#schema as ObjectSchema;
    const { [member]: list, ...others } = properties;
    const rest = { ...schema, properties: others, required: required.filter((name) => name !== member) };
    const compiled = {
      item: fastJson(list!.items as fastJson.AnySchema),
      rest: fastJson(rest as unknown as fastJson.AnySchema),
    };
    this.#lists.set(member, compiled);
    return compiled;
  }
}
