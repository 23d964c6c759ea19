// The members of API answers that the console uses; the OpenAPI documents have all of them.

export interface Activity {
  id: string;
  kind: string;
  name: string;
  resource_type: string;
  resource_id: string;
  resource_name: string | null;
  project_id: string;
  request_id: string;
  state: 'pending' | 'running' | 'unwinding' | 'succeeded' | 'failed' | 'parked';
  progress: number;
  failure: { code: string; message: string; step: string } | null;
  created_at: string;
  updated_at: string;
  finished_at: string | null;
}

export interface Span {
  name: string;
  path: string;
  host: string | null;
  started_at: string;
  finished_at: string | null;
  result: 'Success' | 'Error' | null;
  traceback: string | null;
  spans: Span[];
}

export interface ActivityDetail extends Activity {
  spans: Span[];
  steps: Array<{ name: string; path: string; outcome: string; ended_at: string }>;
}

export interface Server {
  id: string;
  name: string;
  status: string;
  description: string | null;
  created: string;
  updated: string;
  tenant_id: string;
  user_id: string;
  key_name: string | null;
  addresses: Record<string, Array<{ addr: string; version: number; 'OS-EXT-IPS:type'?: string }>>;
  flavor: { id?: string; original_name?: string; vcpus?: number; ram?: number; disk?: number };
  image: { id: string } | '';
  metadata: Record<string, string>;
  locked?: boolean;
  fault?: { code: number; message: string; details?: string };
  security_groups?: Array<{ name: string }>;
  'OS-EXT-STS:task_state': string | null;
  'OS-EXT-STS:vm_state': string;
  'OS-EXT-AZ:availability_zone'?: string;
  'OS-EXT-SRV-ATTR:host'?: string | null;
  'os-extended-volumes:volumes_attached'?: Array<{ id: string }>;
}

export interface Image {
  id: string;
  name: string | null;
  status: string;
  visibility: string;
  disk_format: string | null;
  size: number | null;
  virtual_size?: number | null;
  min_disk: number;
  min_ram: number;
  owner: string;
  protected: boolean;
  created_at: string;
  updated_at: string;
  checksum: string | null;
  stores?: string;
  description?: string;
  [property: string]: unknown;
}

export interface Flavor {
  id: string;
  name: string;
  vcpus: number;
  ram: number;
  disk: number;
  'os-flavor-access:is_public'?: boolean;
}

export interface Network {
  id: string;
  name: string;
  status: string;
  shared: boolean;
  subnets: string[];
  project_id: string;
  'router:external': boolean;
  is_default?: boolean;
}

export interface Subnet {
  id: string;
  name: string;
  cidr: string;
  network_id: string;
  gateway_ip: string | null;
}

export interface Port {
  id: string;
  name: string;
  network_id: string;
  device_id: string;
  device_owner: string;
  mac_address: string;
  status: string;
  fixed_ips: Array<{ subnet_id: string; ip_address: string }>;
}

export interface Overview {
  servers: Record<string, number>;
  limits: Record<string, number>;
  usage: Record<string, number>;
  capacity: {
    hosts: number;
    connected: number;
    total: { vcpus: number; memory_mb: number; disk_gb: number };
    used: { vcpus: number; memory_mb: number; disk_gb: number };
  } | null;
  concerns: Array<{
    kind: string;
    resource_type: string;
    resource_id: string;
    name: string;
    message: string;
    since: string;
  }>;
}
