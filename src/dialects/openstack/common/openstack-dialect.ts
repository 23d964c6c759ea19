import type { FastifyRequest } from 'fastify';
import { type Dialect, NoSuchOperation } from '../../../api/dialect.ts';
import type { AnyOperation } from '../../../api/operation.ts';
import type { Subject } from '../../../cloud/identity/subject.ts';
import { authenticateByToken, authenticateNobody } from './authenticate.ts';
import { refuseEmptyId } from './empty-id.ts';
import { errorForms, fault } from './faults.ts';
import { goneError } from './http-failure.ts';
import { type MicroversionedService, microversionHeaders, requestedMicroversion } from './microversion.ts';
import { requestIdHeaders } from './request-id.ts';
import type { OpenStackService } from './service.ts';

export interface OpenStackDialect {
  service: OpenStackService;
  title: string;
  version: string;
  mounts: readonly string[];
  operations: readonly AnyOperation[];
  /** Default: `refuse`. */
  unknownMembers?: Dialect['unknownMembers'];
  /** Given for services with microversions: `call.context.microversion` then tells the request's. */
  microversions?: MicroversionedService;
  /** More to look at before an operation does; what it returns goes into `call.context`. */
  prepare?(request: FastifyRequest, subject: Subject | undefined): Record<string, unknown>;
  /** Whether something that is not there was taken back, which is told (410). Asked where no operation fits. */
  isGone?(request: FastifyRequest): boolean;
  /** Default: by `X-Auth-Token`. */
  authenticate?: Dialect['authenticate'];
}

/** A dialect with OpenStack's shared habits: tokens, request ids, microversions, and the service's own faults. */
export function openstackDialect(definition: OpenStackDialect): Dialect {
  const { service, microversions, prepare } = definition;
  return {
    name: service,
    title: definition.title,
    version: definition.version,
    mounts: definition.mounts,
    operations: definition.operations,
    unknownMembers: definition.unknownMembers ?? 'refuse',
    authenticate: definition.authenticate ?? authenticateByToken,
    prepare(request, subject) {
      refuseEmptyId(service, request);
      return {
        ...(microversions ? { microversion: requestedMicroversion(microversions, request) } : {}),
        ...prepare?.(request, subject),
      };
    },
    headers: (requestId, context) => ({
      ...requestIdHeaders(service, requestId),
      ...(microversions ? microversionHeaders(microversions, context) : {}),
    }),
    fail(failure) {
      const isGone = failure.error instanceof NoSuchOperation && definition.isGone?.(failure.request);
      return fault(service, isGone ? { ...failure, error: goneError() } : failure);
    },
    errors: errorForms(service),
  };
}

/** The documents at a service's root, which clients read before they have a token. */
export function discoveryDialect(
  definition: Pick<OpenStackDialect, 'service' | 'title' | 'version' | 'mounts' | 'operations'>,
): Dialect {
  return openstackDialect({ ...definition, authenticate: authenticateNobody });
}
