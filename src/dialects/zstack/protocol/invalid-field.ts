import type { InvalidRequest } from '../../../api/dialect.ts';
import type { AnyOperation } from '../../../api/operation.ts';
import type { ErrorBody } from './error-codes.ts';
import { uuidPattern } from './field-schemas.ts';
import { traitsOf } from './traits.ts';
import { errorBody } from './zstack-error.ts';

/** The words in which the dialect refuses a field that breaks a rule of its operation. */
export function describeInvalidField(invalid: InvalidRequest, operation: AnyOperation | undefined): ErrorBody {
  const field = invalid.field.split('.')[0] || invalid.part;
  const message = operation ? traitsOf(operation).message : 'the request';
  return errorBody('SYS.1007', words(invalid, field, message, operation));
}

function words(invalid: InvalidRequest, field: string, message: string, operation: AnyOperation | undefined): string {
  const { rule, ruleParams, value } = invalid;
  switch (rule) {
    case 'required':
      return `field[${field}] of message[${message}] is mandatory, can not be null`;
    case 'maxLength':
      return (
        `field[${field}] of message[${message}] exceeds max length of string. ` +
        `expected was <= ${ruleParams['limit']}, actual was ${String(value).length}`
      );
    case 'enum': {
      const allowed = (ruleParams['allowedValues'] as unknown[]).join(', ');
      return `valid value for field[${field}] of message[${message}] are [${allowed}], but ${String(value)} found`;
    }
    case 'minimum':
    case 'maximum':
      return `field[${field}] must be in range of [${rangeOf(operation, field)}]`;
    case 'minItems':
      return `field[${field}] must be a nonempty list`;
    case 'minLength':
      return `field[${field}] cannot be an empty string`;
    case 'pattern':
      if (ruleParams['pattern'] !== uuidPattern) break;
      return (
        `${field}[${String(value)}] is not a valid uuid. ` +
        `A valid uuid is a UUID(v4 recommended) with '-' stripped. It consists of 32 hexadecimal digits`
      );
  }
  return `field[${field}] of message[${message}] is not valid: ${invalid.message}`;
}

function rangeOf(operation: AnyOperation | undefined, field: string): string {
  const properties = { ...operation?.query?.properties, ...(operation?.body as { properties?: object })?.properties };
  const schema = (properties as Record<string, { minimum?: number; maximum?: number }>)[field];
  return `${schema?.minimum ?? 0}, ${schema?.maximum ?? Number.MAX_SAFE_INTEGER}`;
}
