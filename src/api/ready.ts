import fastJson from 'fast-json-stringify';
import type { TSchema } from 'typebox';
import type { AnyOperation } from './operation.ts';
import type { Validator } from './validation.ts';

/** An operation with all that is compiled of it, which happens at its first request: a start compiles nothing. */
export class Ready {
  readonly operation: AnyOperation;
  readonly #compile: (operation: AnyOperation) => Validator;
  #validator: Validator | undefined;
  #serialisers: Map<number, (body: unknown) => string> | undefined;
  /** The status of an answer that names none: the first of the operation's. */
  readonly usualStatus: number;
  readonly #shared = new WeakMap<object, string>();

  constructor(operation: AnyOperation, compile: (operation: AnyOperation) => Validator) {
    this.operation = operation;
    this.usualStatus = Number(Object.keys(operation.responses)[0]);
    this.#compile = compile;
  }

  get validate(): Validator {
    this.#validator ??= this.#compile(this.operation);
    return this.#validator;
  }

  /** Undefined for statuses whose body is no JSON, or not described. */
  serialiser(status: number): ((body: unknown) => string) | undefined {
    this.#serialisers ??= serialisers(this.operation);
    return this.#serialisers.get(status);
  }

  /** As the serialiser does it, or as it did before with the same object. */
  serialiseShared(body: object, serialise: (body: unknown) => string): string {
    const known = this.#shared.get(body);
    if (known !== undefined) return known;
    const text = serialise(body);
    this.#shared.set(body, text);
    return text;
  }
}

function serialisers(operation: AnyOperation): Map<number, (body: unknown) => string> {
  const compiled = new Map<number, (body: unknown) => string>();
  for (const [status, schema] of Object.entries(operation.responses)) {
    if (schema === null || schema === 'stream') continue;
    compiled.set(Number(status), fastJson(schema as TSchema as fastJson.AnySchema));
  }
  return compiled;
}
