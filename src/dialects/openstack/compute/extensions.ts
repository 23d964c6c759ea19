import { Type } from 'typebox';
import { operation } from '../../../api/operation.ts';
import { CloudError } from '../../../cloud/errors.ts';

/** Parts of the API that once were extensions, as far as they are served: alias → name and what it is. */
const served: Record<string, [name: string, description: string]> = {
  'OS-DCF': ['DiskConfig', 'Disk Management Extension.'],
  'OS-EXT-AZ': ['ExtendedAvailabilityZone', 'Extended Availability Zone support.'],
  'OS-EXT-IMG-SIZE': ['ImageSize', 'Adds image size to image listings.'],
  'OS-EXT-IPS': ['ExtendedIps', 'Adds type parameter to the ip list.'],
  'OS-EXT-IPS-MAC': ['ExtendedIpsMac', 'Adds mac address parameter to the ip list.'],
  'OS-EXT-SRV-ATTR': ['ExtendedServerAttributes', 'Extended Server Attributes support.'],
  'OS-EXT-STS': ['ExtendedStatus', 'Extended Status support.'],
  'OS-FLV-DISABLED': ['FlavorDisabled', 'Support to show the disabled status of a flavor.'],
  'OS-FLV-EXT-DATA': ['FlavorExtraData', 'Provide additional data for flavors.'],
  'OS-SCH-HNT': ['SchedulerHints', 'Pass arbitrary key/value pairs to the scheduler.'],
  'OS-SRV-USG': ['ServerUsage', 'Adds launched_at and terminated_at on Servers.'],
  'os-admin-actions': ['AdminActions', 'Enable admin-only server actions.'],
  'os-admin-password': ['AdminPassword', 'Admin password management support.'],
  'os-aggregates': ['Aggregates', 'Admin-only aggregate administration.'],
  'os-availability-zone': ['AvailabilityZone', 'Add availability_zone to the Create Server API, and list zones.'],
  'os-block-device-mapping': ['BlockDeviceMapping', 'Block device mapping boot support.'],
  'os-block-device-mapping-v2-boot': ['BlockDeviceMappingV2Boot', 'Allow boot with the new BDM data format.'],
  'os-config-drive': ['ConfigDrive', 'Config Drive Extension.'],
  'os-console-output': ['ConsoleOutput', 'Console log output support, with tailing ability.'],
  'os-consoles': ['Consoles', 'Interactive Console support.'],
  'os-create-backup': ['CreateBackup', 'Create a backup of a server.'],
  'os-deferred-delete': ['DeferredDelete', 'Instance deferred delete.'],
  'os-evacuate': ['Evacuate', 'Enables server evacuation.'],
  'os-extended-volumes': ['ExtendedVolumes', 'Extended Volumes support.'],
  'os-flavor-access': ['FlavorAccess', 'Flavor access support.'],
  'os-flavor-extra-specs': ['FlavorExtraSpecs', 'Flavors extra specs support.'],
  'os-flavor-manage': ['FlavorManage', 'Flavor create/delete API support.'],
  'os-floating-ip-pools': ['FloatingIpPools', 'Floating IPs support.'],
  'os-floating-ips': ['FloatingIps', 'Floating IPs support.'],
  'os-hosts': ['Hosts', 'Admin-only host administration.'],
  'os-hypervisors': ['Hypervisors', 'Admin-only hypervisor administration.'],
  'os-instance-actions': ['InstanceActions', 'View a log of actions and events taken on an instance.'],
  'os-interface': ['AttachInterfaces', 'Attach interface support.'],
  'os-keypairs': ['Keypairs', 'Keypair Support.'],
  'os-lock-server': ['LockServer', 'Enable lock/unlock server actions.'],
  'os-migrate-server': ['MigrateServer', 'Enable migrate and live-migrate server actions.'],
  'os-migrations': ['Migrations', 'Provide data on migrations.'],
  'os-multinic': ['Multinic', 'Multiple network support.'],
  'os-multiple-create': ['MultipleCreate', 'Allow multiple create in the Create Server v2.1 API.'],
  'os-pause-server': ['PauseServer', 'Enable pause/unpause server actions.'],
  'os-personality': ['Personality', 'Personality support.'],
  'os-quota-class-sets': ['QuotaClasses', 'Quota classes management support.'],
  'os-quota-sets': ['Quotas', 'Quotas management support.'],
  'os-rescue': ['Rescue', 'Instance rescue mode.'],
  'os-security-groups': ['SecurityGroups', 'Security group support.'],
  'os-server-diagnostics': ['ServerDiagnostics', 'Allow Admins to view server diagnostics through server action.'],
  'os-server-external-events': ['ServerExternalEvents', 'Server External Event Triggers.'],
  'os-server-groups': ['ServerGroups', 'Server group support.'],
  'os-server-password': ['ServerPassword', 'Server password support.'],
  'os-server-start-stop': ['ServerStartStop', 'Start/Stop instance compute API support.'],
  'os-services': ['Services', 'Services support.'],
  'os-shelve': ['Shelve', 'Instance shelve mode.'],
  'os-simple-tenant-usage': ['SimpleTenantUsage', 'Simple tenant usage extension.'],
  'os-suspend-server': ['SuspendServer', 'Enable suspend/resume server actions.'],
  'os-used-limits': ['UsedLimits', 'Provide data on limited resource usage.'],
  'os-user-data': ['UserData', 'Add user_data to the Create Server API.'],
  'os-volumes': ['Volumes', 'Volumes support.'],
  'os-volume_attachments': ['VolumeAttachments', 'Volume attachment support.'],
};

const Extension = Type.Object({
  alias: Type.String(),
  name: Type.String(),
  description: Type.String(),
  namespace: Type.String(),
  updated: Type.String(),
  links: Type.Array(Type.Object({})),
});

function view(alias: string) {
  const [name, description] = served[alias]!;
  const namespace = `http://docs.openstack.org/compute/ext/${alias}/api/v2`;
  return { alias, name, description, namespace, updated: '2014-12-03T00:00:00Z', links: [] };
}

const common = {
  dialect: 'compute',
  group: 'extensions',
  method: 'GET',
  since: '2.1',
  mode: 'sync',
  allow: 'reader',
} as const;

export const extensionOperations = [
  operation({
    ...common,
    id: 'ListExtensions',
    path: '/extensions',
    responses: { 200: Type.Object({ extensions: Type.Array(Extension) }) },
    errors: [401, 403],
    title: 'List extensions',
    summary: 'Parts of the API that once were optional, as far as they are served. For old clients.',
    examples: [{ title: 'All', status: 200 }],
    handle: () => ({ body: { extensions: Object.keys(served).map(view) } }),
  }),
  operation({
    ...common,
    id: 'ShowExtension',
    path: '/extensions/{alias}',
    params: Type.Object({ alias: Type.String() }),
    responses: { 200: Type.Object({ extension: Extension }) },
    errors: [401, 403, 404],
    title: 'Show an extension',
    summary: 'One part of the API that once was optional.',
    examples: [{ title: 'By alias', params: { alias: 'os-keypairs' }, status: 200 }],
    handle({ params: { alias } }) {
      if (Object.hasOwn(served, alias)) return { body: { extension: view(alias) } };
      throw new CloudError('not_found', `Extension ${alias} could not be found.`, { resource: 'extension' });
    },
  }),
];
