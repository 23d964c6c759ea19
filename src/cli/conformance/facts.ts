import { readFile } from 'node:fs/promises';
import { buildTinyLinux } from '../../../guest/tinylinux.ts';
import { parseCompliance } from '../../cloud/identity/security-compliance.ts';
import { OpenStackClient } from '../clients/openstack-client.ts';
import type { DataFolder, RunRecord } from '../data-folder.ts';
import { UserError } from '../user-error.ts';
import type { CloudFacts } from './configuration.ts';

/** The other image that tests boot; kept for the next run. */
const otherImageName = 'TinyLinux (other)';

/** Finds in a running cloud what Tempest has to know of it, and puts the second image that it wants into it. */
export async function findFacts(folder: DataFolder, record: RunRecord): Promise<Omit<CloudFacts, 'imageUrl'>> {
  const adminPassword = folder.adminPassword();
  if (!adminPassword) throw new UserError(`${folder.passwordFile} is missing: Tempest signs in as the administrator.`);
  const admin = await OpenStackClient.signIn(record.origin, { user: 'admin', password: adminPassword });
  const image = (await imagesNamed(admin, 'TinyLinux'))[0];
  if (!image) throw new UserError('The cloud has no image TinyLinux, which Tempest boots.');
  const otherImage = (await imagesNamed(admin, otherImageName))[0] ?? (await addOtherImage(admin, folder));
  const { flavors } = await admin.get('/compute/v2.1/flavors');
  const flavor = (name: string): string => {
    const found = flavors.find((one: { name: string; id: string }) => one.name === name);
    if (!found) throw new UserError(`The cloud has no flavor ${name}, which Tempest uses.`);
    return found.id;
  };
  const { networks } = await admin.get('/network/v2.0/networks?router:external=True');
  const { hypervisors } = await admin.get('/compute/v2.1/os-hypervisors');
  const { extensions } = await admin.get('/network/v2.0/extensions');
  const sharedType = await typeForSeveral(admin);
  const { regions } = await admin.get('/identity/v3/regions');
  return {
    origin: record.origin,
    adminPassword,
    region: regions[0].id,
    hypervisor: record.hypervisor,
    images: [image, otherImage],
    imageFile: (await buildTinyLinux({ cacheDir: folder.cacheDir })).path,
    flavors: [flavor('m1.nano'), flavor('m1.micro')],
    sharedType,
    publicNetwork: networks[0] && { id: networks[0].id, name: networks[0].name },
    networkExtensions: extensions.map(({ alias }: { alias: string }) => alias),
    // User networking refuses external networks.
    guestsAreReachable: record.hypervisor === 'qemu' && networks.length > 0,
    hosts: hypervisors.length,
    compliance: parseCompliance(folder.settings()?.securityCompliance ?? {}),
    newest: {
      compute: (await newestOf(admin, '/compute'))!,
      volume: (await newestOf(admin, '/volume'))!,
      placement: await newestOf(admin, '/placement'),
    },
  };
}

/** The newest microversion that a service's own list of versions names. */
async function newestOf(admin: OpenStackClient, path: string): Promise<string | undefined> {
  const { status, body } = await admin.request('GET', path);
  if (status >= 400) return undefined;
  const versions: Array<{ version?: string; max_version?: string }> = body.versions;
  return versions.map(({ version, max_version }) => max_version || version).findLast(Boolean);
}

/** The volume type whose volumes several servers may have; made where there is none. */
async function typeForSeveral(admin: OpenStackClient): Promise<string> {
  const wanted = '<is> True';
  const { volume_types } = await admin.get('/volume/v3/types?is_public=None');
  const found = volume_types.find(
    (type: { extra_specs: Record<string, string> }) => type.extra_specs['multiattach'] === wanted,
  );
  if (found) return found.name;
  const name = 'multiattach';
  await admin.post('/volume/v3/types', { volume_type: { name, extra_specs: { multiattach: wanted } } });
  return name;
}

async function imagesNamed(admin: OpenStackClient, name: string): Promise<string[]> {
  const { images } = await admin.get(`/image/v2/images?name=${encodeURIComponent(name)}&status=active`);
  return images.map(({ id }: { id: string }) => id);
}

async function addOtherImage(admin: OpenStackClient, folder: DataFolder): Promise<string> {
  const { path } = await buildTinyLinux({ cacheDir: folder.cacheDir, label: 'other' });
  const image = await admin.post('/image/v2/images', {
    name: otherImageName,
    disk_format: 'qcow2',
    container_format: 'bare',
    visibility: 'public',
    min_disk: 1,
  });
  const type = { 'content-type': 'application/octet-stream' };
  await admin.call('PUT', `/image/v2/images/${image.id}/file`, await readFile(path), type);
  return image.id;
}
