import type { OpenStackService } from './service.ts';

/** The headers that tell the request's id: Nova and Cinder have one of their own beside the common one. */
export function requestIdHeaders(service: OpenStackService, requestId: string): Record<string, string> {
  if (service === 'compute' || service === 'volume') {
    return { 'x-compute-request-id': requestId, 'x-openstack-request-id': requestId };
  }
  return { 'x-openstack-request-id': requestId };
}
