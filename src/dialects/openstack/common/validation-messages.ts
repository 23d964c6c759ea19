import type { InvalidRequest } from '../../../api/dialect.ts';
import { pythonRepr, pythonStr } from './python-repr.ts';
import type { OpenStackService } from './service.ts';

/** Longest value that a message repeats, characters. */
const maxQuotedValue = 1000;

/**
 * What is wrong with a request, in the words of the service that it was sent to.
 * @param bodyKey the body's key under which the validated value stands (`rebuild`), where an operation has one
 */
export function validationMessage(service: OpenStackService, error: InvalidRequest, bodyKey?: string): string {
  if (error.rule === 'json') return notJson[service];
  const { holder, member } = placeOf(error, bodyKey);
  const reason = reasonOf(error, member);
  if (holder === '') return service === 'image' ? `Provided object does not match schema: ${reason}` : reason;
  const name = holder.slice(holder.lastIndexOf('.') + 1);
  switch (service) {
    case 'identity':
      return `Invalid input for field '${holder.replaceAll('.', '/')}': ${reason}`;
    case 'network':
      return networkMessage(error, member, name, reason);
    case 'image':
      return `Provided object does not match schema: ${reason}`;
    case 'placement':
      return `JSON does not validate: ${reason}`;
    default: {
      const what = error.part === 'body' ? 'field/attribute' : 'query parameters';
      return `Invalid input for ${what} ${name}. Value: ${short(pythonStr(error.value))}. ${reason}`;
    }
  }
}

const notJson: Record<OpenStackService, string> = {
  identity:
    'Expecting to find valid JSON in request body. The server could not comply with the request since it is either ' +
    'malformed or otherwise incorrect. The client is assumed to be in error.',
  compute: 'Malformed request body',
  volume: 'Malformed request body',
  image: 'Malformed JSON in request body.',
  network: 'The server could not comply with the request since it is either malformed or otherwise incorrect.',
  placement: 'Malformed JSON: the request body could not be read.',
};

function networkMessage(error: InvalidRequest, member: string | undefined, name: string, reason: string): string {
  if (error.rule === 'required') return `Failed to parse request. Required attribute '${member}' not specified`;
  if (error.rule === 'additionalProperties') return `Unrecognized attribute(s) '${member}'`;
  return `Invalid input for ${name}. Reason: ${reason}.`;
}

/** Python's jsonschema names the object that lacks a member (or has one too many), ajv the member itself. */
function placeOf(error: InvalidRequest, bodyKey: string | undefined): { holder: string; member?: string } {
  const extra = error.ruleParams['missingProperty'] ?? error.ruleParams['additionalProperty'];
  const prefix = error.part === 'body' && bodyKey ? [bodyKey] : [];
  if (extra === undefined) return { holder: [...prefix, error.field].filter((part) => part !== '').join('.') };
  const member = String(extra);
  const inner = error.field.slice(0, -member.length).replace(/\.$/, '');
  return { holder: [...prefix, inner].filter((part) => part !== '').join('.'), member };
}

/** The sentence of Python's jsonschema for the failed keyword. */
function reasonOf(error: InvalidRequest, member: string | undefined): string {
  const value = short(pythonRepr(error.value));
  const params = error.ruleParams;
  switch (error.rule) {
    case 'required':
      return `'${member}' is a required property`;
    case 'additionalProperties':
      return `Additional properties are not allowed ('${member}' was unexpected)`;
    case 'type':
      return `${value} is not of type ${[params['type']].flat().map(pythonRepr).join(', ')}`;
    case 'enum':
      return `${value} is not one of ${pythonRepr(params['allowedValues'])}`;
    case 'const':
      return `${pythonRepr(params['allowedValue'])} was expected`;
    case 'minLength':
    case 'minItems':
      return `${value} is too short`;
    case 'maxLength':
    case 'maxItems':
      return `${value} is too long`;
    case 'minimum':
      return `${value} is less than the minimum of ${params['limit']}`;
    case 'maximum':
      return `${value} is greater than the maximum of ${params['limit']}`;
    case 'pattern':
      return `${value} does not match ${pythonRepr(params['pattern'])}`;
    case 'format':
      return `${value} is not a ${pythonRepr(params['format'])}`;
    case 'uniqueItems':
      return `${value} has non-unique elements`;
    case 'minProperties':
      return `${value} does not have enough properties`;
    case 'maxProperties':
      return `${value} has too many properties`;
    case 'anyOf':
    case 'oneOf':
      return `${value} is not valid under any of the given schemas`;
    default:
      return error.message;
  }
}

function short(text: string): string {
  return text.length > maxQuotedValue ? `${text.slice(0, maxQuotedValue)}...` : text;
}
