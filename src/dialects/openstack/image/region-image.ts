import type { Cloud } from '../../../cloud/cloud.ts';
import { CloudError } from '../../../cloud/errors.ts';
import type { RegionImage } from '../../../cloud/images/region-images.ts';
import { parseId, withDashes } from '../../../env/env.ts';
import { interfaces, serviceId, usualCatalog } from '../identity/catalog.ts';

/** What `glance-download` says in a request. */
interface Wanted {
  glance_region?: string;
  glance_image_id?: string;
  glance_service_interface?: string;
}

/**
 * The image that the request names: one of this cloud, or at the endpoint that an administrator has put into the catalog for
 * its region. Where there is none, the import fails, as it does in Glance.
 */
export async function regionImage(cloud: Cloud, wanted: Wanted): Promise<RegionImage> {
  const { glance_region: region, glance_image_id, glance_service_interface: serviceInterface = 'public' } = wanted;
  if (!region) throw bad('glance_region is required for glance-download');
  const id = glance_image_id === undefined ? undefined : parseId(glance_image_id);
  if (!id) throw bad('Remote image id does not look like a UUID');
  const named = { imageId: withDashes(id), region, serviceInterface };
  const isInterface = (interfaces as readonly string[]).includes(serviceInterface);
  if (region === cloud.identity.region && isInterface) return { ...named, isOwn: true };
  const { catalog } = cloud.identity;
  const [services, endpoints] = await Promise.all([catalog.services(), catalog.endpoints()]);
  const own = usualCatalog.image.map(serviceId);
  const ids = new Set([...own, ...services.flatMap((one) => (one.type === 'image' && one.enabled ? [one.id] : []))]);
  const found = endpoints.find(
    (one) => one.enabled && one.regionId === region && one.interface === serviceInterface && ids.has(one.serviceId),
  );
  const endpoint = found?.url.replace(/\/+(v2\/*)?$/, '');
  return { ...named, isOwn: false, ...(endpoint === undefined ? {} : { endpoint }) };
}

function bad(message: string): CloudError {
  return new CloudError('invalid', message, { reason: 'bad_import' });
}
