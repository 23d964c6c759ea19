import { Ajv, type ErrorObject, type ValidateFunction } from 'ajv';
import addFormats from 'ajv-formats';
import { type Dialect, InvalidRequest } from './dialect.ts';
import type { AnyOperation } from './operation.ts';

/** Checks one request against its operation. Throws `InvalidRequest`; may change values in place (defaults, coercion). */
export interface Validator {
  params(value: unknown): void;
  query(value: unknown): void;
  body(value: unknown): void;
}

/** Compiles validators of one dialect: its habits with unknown members are the compiler's settings. */
export function validatorCompiler(dialect: Pick<Dialect, 'unknownMembers'>): (operation: AnyOperation) => Validator {
  const common = { useDefaults: true, allErrors: false, strict: false, verbose: true } as const;
  // Everything in a URL is text, so there types are read; in a body they are what they say.
  const urlAjv = withFormats(new Ajv({ ...common, coerceTypes: 'array' }));
  const bodyAjv = withFormats(new Ajv({ ...common, removeAdditional: dialect.unknownMembers === 'drop' }));
  return (operation) => ({
    params: checker('params', operation.params && urlAjv.compile(operation.params)),
    query: checker('query', operation.query && urlAjv.compile(operation.query)),
    body: checker('body', operation.body && bodyAjv.compile(operation.body)),
  });
}

function withFormats(ajv: Ajv): Ajv {
  addFormats.default(ajv);
  return ajv;
}

function checker(part: 'params' | 'query' | 'body', validate: ValidateFunction | undefined): (value: unknown) => void {
  if (!validate) return () => {};
  return (value) => {
    if (validate(value)) return;
    throw asInvalidRequest(part, validate.errors![0]!);
  };
}

function asInvalidRequest(part: 'params' | 'query' | 'body', error: ErrorObject): InvalidRequest {
  const path = error.instancePath
    .split('/')
    .slice(1)
    .map((step) => step.replaceAll('~1', '/').replaceAll('~0', '~'));
  const params = error.params as Record<string, unknown>;
  const missing = error.keyword === 'required' ? String(params['missingProperty']) : undefined;
  const unknown = error.keyword === 'additionalProperties' ? String(params['additionalProperty']) : undefined;
  const extra = missing ?? unknown;
  const field = [...path, ...(extra === undefined ? [] : [extra])].join('.');
  return new InvalidRequest(part, field, `${field || part} ${error.message}`, error.keyword, params, error.data);
}
