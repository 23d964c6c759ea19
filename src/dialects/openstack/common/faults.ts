import { STATUS_CODES } from 'node:http';
import type { ErrorForms, Failure } from '../../../api/dialect.ts';
import { glanceFault } from './glance-fault.ts';
import { type HttpFailure, httpFailure, statusesOf } from './http-failure.ts';
import type { OpenStackService } from './service.ts';

export interface Fault {
  status: number;
  headers?: Record<string, string>;
  body: unknown;
}

/** The service's answer to a failed request. A 401 looks the same in all: the middleware before them gives it. */
export function fault(service: OpenStackService, failure: Failure): Fault {
  const problem = httpFailure(service, failure);
  if (problem.status === 401) return unauthorized(failure.origin, problem);
  return bodies[service](problem, failure);
}

const bodies: Record<OpenStackService, (problem: HttpFailure, failure: Failure) => Fault> = {
  identity: keystoneFault,
  compute: novaFault,
  volume: novaFault,
  network: neutronFault,
  image: (problem, failure) => glanceFault(problem, failure.request.headers.accept),
  placement: placementFault,
};

/**
 * The header tells clients where to sign in again; with it they do so once by themselves. Why somebody may not come in
 * is told to nobody, but to those whose password has expired: Horizon asks them for a new one.
 */
function unauthorized(origin: string, { cause, message }: HttpFailure): Fault {
  const isExpired = cause?.details.reason === 'password_expired';
  return {
    status: 401,
    headers: { 'www-authenticate': `Keystone uri="${origin}/identity"` },
    body: {
      error: {
        code: 401,
        title: 'Unauthorized',
        message: isExpired ? message : 'The request you have made requires authentication.',
      },
    },
  };
}

const novaNames: Record<number, string> = {
  400: 'badRequest',
  403: 'forbidden',
  404: 'itemNotFound',
  405: 'badMethod',
  409: 'conflictingRequest',
  413: 'overLimit',
  415: 'badMediaType',
  429: 'overLimit',
  501: 'notImplemented',
  503: 'serviceUnavailable',
};

/** What each of the engine's errors is in the service. Nova and Cinder have a word for each status, too. */
export function errorForms(service: OpenStackService): ErrorForms {
  const hasNames = service === 'compute' || service === 'volume';
  const entries = Object.entries(statusesOf(service)).map(([cause, status]) => [
    cause,
    { status, code: hasNames && status !== 401 ? (novaNames[status] ?? 'computeFault') : undefined },
  ]);
  return Object.fromEntries(entries) as ErrorForms;
}

function novaFault({ status, message }: HttpFailure): Fault {
  const isOverLimit = status === 413 || status === 429;
  const name = novaNames[status] ?? 'computeFault';
  return {
    status,
    headers: isOverLimit ? { 'retry-after': '0' } : undefined,
    body: { [name]: { code: status, message, ...(isOverLimit ? { retryAfter: '0' } : {}) } },
  };
}

function keystoneFault({ status, message, cause }: HttpFailure): Fault {
  const isPolicy = status === 403 && cause?.details.reason !== undefined && cause.message.startsWith('Policy ');
  const words = isPolicy
    ? `You are not authorized to perform the requested action: identity:${snakeCase(cause.details.reason!)}.`
    : message;
  return { status, body: { error: { code: status, title: STATUS_CODES[status] ?? 'Error', message: words } } };
}

function neutronFault({ status, message, cause }: HttpFailure): Fault {
  const isPolicy = status === 403 && cause?.details.reason !== undefined && cause.message.startsWith('Policy ');
  const words = isPolicy ? `(rule:${snakeCase(cause.details.reason!)}) is disallowed by policy` : message;
  const type = isPolicy ? 'PolicyNotAuthorized' : neutronType(status, cause);
  return { status, body: { NeutronError: { type, message: words, detail: '' } } };
}

/** Neutron's exception class: the reason of the engine's error in its spelling, or the class that such a status has. */
function neutronType(status: number, cause: HttpFailure['cause']): string {
  if (cause?.code === 'quota_exceeded') return 'OverQuota';
  if (cause?.details.reason) return pascalCase(cause.details.reason);
  if (cause?.code === 'not_found' && cause.details.resource) {
    return `${neutronNames[cause.details.resource] ?? pascalCase(cause.details.resource)}NotFound`;
  }
  if (cause?.code === 'invalid') return 'InvalidInput';
  return neutronTypes[status] ?? 'HTTPInternalServerError';
}

/** Resources whose classes are spelled otherwise than their keys. */
const neutronNames: Record<string, string> = { floatingip: 'FloatingIP' };

const neutronTypes: Record<number, string> = {
  400: 'HTTPBadRequest',
  403: 'NotAuthorized',
  404: 'HTTPNotFound',
  405: 'HTTPMethodNotAllowed',
  409: 'Conflict',
  413: 'HTTPRequestEntityTooLarge',
  501: 'HTTPNotImplemented',
  503: 'HTTPServiceUnavailable',
};

function placementFault({ status, message }: HttpFailure): Fault {
  const error = { status, title: STATUS_CODES[status], detail: message, code: 'placement.undefined_code' };
  return { status, body: { errors: [error] } };
}

/** `ListUsers` → `list_users` */
function snakeCase(name: string): string {
  return name.replaceAll(/(?<=[a-z0-9])[A-Z]/g, (letter) => `_${letter}`).toLowerCase();
}

/** `security_group` or `securityGroup` → `SecurityGroup` */
function pascalCase(name: string): string {
  return name
    .split('_')
    .map((word) => word.charAt(0).toUpperCase() + word.slice(1))
    .join('');
}
