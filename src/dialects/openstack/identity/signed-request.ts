import type { Call } from '../../../api/operation.ts';
import type { SignedRequest } from '../../../cloud/identity/oauth1/signature.ts';

/** What of a request is signed where it is signed by OAuth 1.0: clients may know the cloud by another address than ours. */
export function signedRequest({ raw, origin }: Pick<Call, 'raw' | 'origin'>): SignedRequest {
  const { host } = raw.headers;
  const origins = [origin, ...(host && URL.canParse(`${raw.protocol}://${host}`) ? [`${raw.protocol}://${host}`] : [])];
  return {
    method: raw.method,
    urls: [...new Set(origins)].map((one) => one + raw.url),
    authorization: raw.headers.authorization,
  };
}
