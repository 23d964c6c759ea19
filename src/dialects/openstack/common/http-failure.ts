import { type Failure, InvalidRequest, NoSuchOperation, UnexpectedError } from '../../../api/dialect.ts';
import { CloudError, type CloudErrorCode } from '../../../cloud/errors.ts';
import { withDashes } from '../../../env/env.ts';
import type { OpenStackService } from './service.ts';
import { validationMessage } from './validation-messages.ts';

/** A failure as HTTP sees it, before a service gives it its own body. */
export interface HttpFailure {
  status: number;
  message: string;
  /** The engine's error, where it was one. */
  cause?: CloudError;
}

/** Status and message of a failure in the given service. */
export function httpFailure(service: OpenStackService, failure: Failure): HttpFailure {
  const { error } = failure;
  if (error instanceof CloudError) {
    return { status: statusOf(service, error), message: messageOf(service, error), cause: error };
  }
  if (error instanceof InvalidRequest) {
    const bodyKey = failure.operation?.bodyKey ?? (failure.operation ? undefined : onlyKey(failure.request.body));
    return { status: 400, message: validationMessage(service, error, bodyKey) };
  }
  if (error instanceof NoSuchOperation) return noSuchOperation(error);
  if (error instanceof UnexpectedError) return { status: 500, message: unexpected[service] };
  throw new Error('a failure of an unknown kind', { cause: error });
}

const usualStatus: Record<CloudErrorCode, number> = {
  invalid: 400,
  unauthenticated: 401,
  forbidden: 403,
  not_found: 404,
  conflict: 409,
  duplicate: 409,
  quota_exceeded: 403,
  no_valid_host: 400,
  too_large: 413,
  unsupported_media: 415,
  unavailable: 503,
};

/** Where a service has another status than Nova for the same thing. */
const ownStatus: Partial<Record<OpenStackService, Partial<Record<CloudErrorCode, number>>>> = {
  volume: { quota_exceeded: 413, no_valid_host: 500 },
  network: { quota_exceeded: 409 },
  image: { quota_exceeded: 413 },
};

/** The status that a service has for each of the engine's errors. */
export function statusesOf(service: OpenStackService): Record<CloudErrorCode, number> {
  return { ...usualStatus, ...ownStatus[service] };
}

/** Reasons whose status is their own in every service. */
const statusOfReason: Record<string, number> = {
  microversion_not_acceptable: 406,
  not_implemented: 501,
  gone: 410,
};

/** For what the service once had and has no longer. */
export function goneError(): CloudError {
  return new CloudError('not_found', 'This resource is no longer available. No forwarding address is given.', {
    reason: 'gone',
  });
}

function statusOf(service: OpenStackService, error: CloudError): number {
  const byReason = error.details.reason === undefined ? undefined : statusOfReason[error.details.reason];
  return byReason ?? ownStatus[service]?.[error.code] ?? usualStatus[error.code];
}

/** Ids in the engine's messages have no dashes; every service but Keystone prints them with dashes. */
function messageOf(service: OpenStackService, error: CloudError): string {
  const { id } = error.details;
  if (service === 'identity' || id === undefined || id.length !== 32) return error.message;
  return error.message.replaceAll(id, withDashes(id));
}

function noSuchOperation(error: NoSuchOperation): HttpFailure {
  if (error.what === 'bodyKey') return { status: 400, message: `There is no such action: ${error.message}` };
  return { status: error.what === 'path' ? 404 : 405, message: error.message };
}

const pleaseReport = 'The server log tells more under the request id that stands in the headers of this answer.';

const unexpected: Record<OpenStackService, string> = {
  identity: 'An unexpected error prevented the server from fulfilling your request.',
  compute: `Unexpected API Error. ${pleaseReport}`,
  volume: 'The server has either erred or is incapable of performing the requested operation.',
  network: `Request Failed: internal server error while processing your request. ${pleaseReport}`,
  image: 'The server has either erred or is incapable of performing the requested operation.',
  placement: `The server has either erred or is incapable of performing the requested operation. ${pleaseReport}`,
};

/** Operations that share a route (actions) are told apart by the body's one key. */
function onlyKey(body: unknown): string | undefined {
  if (typeof body !== 'object' || body === null) return undefined;
  const keys = Object.keys(body);
  return keys.length === 1 ? keys[0] : undefined;
}
