import { Type } from 'typebox';
import { closed, IdAndLinks, Links, TextOrNull } from './wire.ts';

const Addresses = Type.Record(
  Type.String(),
  Type.Array(
    Type.Object({
      addr: Type.String(),
      version: Type.Integer(),
      'OS-EXT-IPS:type': Type.Optional(Type.String()),
      'OS-EXT-IPS-MAC:mac_addr': Type.Optional(Type.String()),
    }),
  ),
  { description: 'By network name.' },
);

/** By id up to 2.46; as it was when the server got it from then on. */
const ServerFlavor = Type.Object({
  id: Type.Optional(Type.String()),
  links: Type.Optional(Links),
  vcpus: Type.Optional(Type.Integer()),
  ram: Type.Optional(Type.Integer()),
  disk: Type.Optional(Type.Integer()),
  ephemeral: Type.Optional(Type.Integer()),
  swap: Type.Optional(Type.Integer()),
  original_name: Type.Optional(Type.String()),
  extra_specs: Type.Optional(Type.Record(Type.String(), Type.String())),
});

const text = Type.Optional(Type.String());
const textOrNull = Type.Optional(TextOrNull);
const named = Type.Array(Type.Object({ name: Type.String() }));

/** A server over all microversions. */
const ServerSchema = Type.Object({
  id: Type.String(),
  name: Type.String(),
  status: Type.String(),
  tenant_id: Type.String(),
  user_id: Type.String(),
  metadata: Type.Record(Type.String(), Type.String()),
  hostId: Type.String({ description: 'A hash of the project and the host; empty while it is on none.' }),
  image: Type.Unsafe<object | ''>({
    type: ['object', 'string'],
    properties: { id: Type.String(), links: Links },
    description: 'Empty for a server that boots from a volume.',
  }),
  flavor: ServerFlavor,
  created: Type.String(),
  updated: Type.String(),
  addresses: Addresses,
  accessIPv4: Type.String(),
  accessIPv6: Type.String(),
  links: Links,
  progress: Type.Optional(Type.Integer()),
  fault: Type.Optional(
    Type.Object({ code: Type.Integer(), created: Type.String(), message: Type.String(), details: text }),
  ),
  adminPass: text,
  'OS-DCF:diskConfig': text,
  'OS-EXT-AZ:availability_zone': text,
  'OS-EXT-STS:vm_state': text,
  'OS-EXT-STS:task_state': textOrNull,
  'OS-EXT-STS:power_state': Type.Optional(Type.Integer()),
  'OS-SRV-USG:launched_at': textOrNull,
  'OS-SRV-USG:terminated_at': textOrNull,
  'os-extended-volumes:volumes_attached': Type.Optional(
    Type.Array(Type.Object({ id: Type.String(), delete_on_termination: Type.Optional(Type.Boolean()) })),
  ),
  config_drive: text,
  key_name: textOrNull,
  security_groups: Type.Optional(named),
  'OS-EXT-SRV-ATTR:host': textOrNull,
  'OS-EXT-SRV-ATTR:instance_name': text,
  'OS-EXT-SRV-ATTR:hypervisor_hostname': textOrNull,
  'OS-EXT-SRV-ATTR:hostname': text,
  'OS-EXT-SRV-ATTR:reservation_id': text,
  'OS-EXT-SRV-ATTR:launch_index': Type.Optional(Type.Integer()),
  'OS-EXT-SRV-ATTR:ramdisk_id': text,
  'OS-EXT-SRV-ATTR:kernel_id': text,
  'OS-EXT-SRV-ATTR:root_device_name': textOrNull,
  'OS-EXT-SRV-ATTR:user_data': textOrNull,
  locked: Type.Optional(Type.Boolean()),
  host_status: text,
  description: textOrNull,
  tags: Type.Optional(Type.Array(Type.String())),
  trusted_image_certificates: Type.Optional(Type.Null()),
  server_groups: Type.Optional(Type.Array(Type.String())),
  locked_reason: textOrNull,
  pinned_availability_zone: textOrNull,
  user_data: textOrNull,
});

export const ServerDocument = Type.Object({ server: ServerSchema });
export const ServerDetailList = Type.Object({
  servers: Type.Array(ServerSchema),
  servers_links: Type.Optional(Links),
});
export const ServerList = Type.Object({
  servers: Type.Array(Type.Object({ ...IdAndLinks.properties, name: Type.String() })),
  servers_links: Type.Optional(Links),
});

/** What a server's owner may say of it at any time, as the create, update and rebuild requests have it. */
export const name = Type.String({ minLength: 1, maxLength: 255 });
export const description = Type.Optional(
  Type.Unsafe<string | null>({ type: ['string', 'null'], maxLength: 255, description: 'From 2.19 on.' }),
);
export const accessIPv4 = Type.Optional(
  Type.Unsafe<string | null>({ type: ['string', 'null'], format: 'ipv4', description: 'For the user to note down.' }),
);
export const accessIPv6 = Type.Optional(
  Type.Unsafe<string | null>({ type: ['string', 'null'], format: 'ipv6', description: 'For the user to note down.' }),
);
export const diskConfig = Type.Optional(Type.Union([Type.Literal('AUTO'), Type.Literal('MANUAL')]));
export const metadata = Type.Record(Type.String(), Type.String(), { description: 'Keys and values of at most 255.' });
export const adminPass = Type.Optional(Type.String({ description: 'Generated where none is given.' }));
export const userData = Type.String({ maxLength: 65535, description: 'Base64.' });
export const personality = Type.Optional(
  Type.Array(
    closed({ path: Type.String({ minLength: 1, maxLength: 255 }), contents: Type.String({ description: 'Base64.' }) }),
    { description: 'Files to put into the guest; up to 2.56.' },
  ),
);
