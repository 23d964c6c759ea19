import type { Answer, AnyOperation } from './operation.ts';
import { Serialiser } from './serialisation.ts';
import type { Validator } from './validation.ts';

/** An operation with all that is compiled of it, which happens at its first request: a start compiles nothing. */
export class Ready {
  readonly operation: AnyOperation;
  readonly #compile: (operation: AnyOperation) => Validator;
  #validator: Validator | undefined;
  /** Null for statuses that are not serialised. */
  readonly #serialisers = new Map<number, Serialiser | null>();
  /** The status of an answer that names none: the first of the operation's. */
  readonly usualStatus: number;

  constructor(operation: AnyOperation, compile: (operation: AnyOperation) => Validator) {
    this.operation = operation;
    this.usualStatus = Number(Object.keys(operation.responses)[0]);
    this.#compile = compile;
  }

  get validate(): Validator {
    this.#validator ??= this.#compile(this.operation);
    return this.#validator;
  }

  /** The text of an answer's body. Undefined for statuses whose body is no JSON, or not described. */
  serialise(status: number, answer: Answer): string | undefined {
    let serialiser = this.#serialisers.get(status);
    if (serialiser === undefined) {
      const schema = this.operation.responses[status];
      serialiser = schema && schema !== 'stream' ? new Serialiser(schema) : null;
      this.#serialisers.set(status, serialiser);
    }
    return serialiser?.text(answer);
  }
}
