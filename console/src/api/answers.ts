// Made by `node console/openapi/answers.ts` from the cloud's OpenAPI documents.
export type paths = Record<string, never>;
export type webhooks = Record<string, never>;
export interface components {
    schemas: {
        ComputeListAvailabilityZones: {
            availabilityZoneInfo: {
                hosts: null;
                zoneName: string;
                zoneState: {
                    available: boolean;
                };
            }[];
        };
        ComputeListKeypairs: {
            keypairs: {
                keypair: {
                    fingerprint: string;
                    name: string;
                    public_key: string;
                    type?: string;
                };
            }[];
            keypairs_links?: {
                href: string;
                rel: string;
                type?: string;
            }[];
        };
        ComputeListVolumeAttachments: {
            volumeAttachments: {
                attachment_id?: string;
                bdm_uuid?: string;
                delete_on_termination?: boolean;
                device: string | null;
                id?: string;
                serverId: string;
                tag?: string | null;
                volumeId: string;
            }[];
        };
        ComputeShowFlavor: {
            flavor: {
                description?: string | null;
                disk: number;
                extra_specs?: {
                    [key: string]: string;
                };
                id: string;
                links: {
                    href: string;
                    rel: string;
                    type?: string;
                }[];
                name: string;
                "os-flavor-access:is_public": boolean;
                "OS-FLV-DISABLED:disabled": boolean;
                "OS-FLV-EXT-DATA:ephemeral": number;
                ram: number;
                rxtx_factor: number;
                swap: number | string;
                vcpus: number;
            };
        };
        ComputeShowServer: {
            server: {
                accessIPv4: string;
                accessIPv6: string;
                addresses: {
                    [key: string]: {
                        addr: string;
                        "OS-EXT-IPS-MAC:mac_addr"?: string;
                        "OS-EXT-IPS:type"?: string;
                        version: number;
                    }[];
                };
                adminPass?: string;
                config_drive?: string;
                created: string;
                description?: string | null;
                fault?: {
                    code: number;
                    created: string;
                    details?: string;
                    message: string;
                };
                flavor: {
                    disk?: number;
                    ephemeral?: number;
                    extra_specs?: {
                        [key: string]: string;
                    };
                    id?: string;
                    links?: {
                        href: string;
                        rel: string;
                        type?: string;
                    }[];
                    original_name?: string;
                    ram?: number;
                    swap?: number;
                    vcpus?: number;
                };
                host_status?: string;
                hostId: string;
                id: string;
                image: {
                    id?: string;
                    links?: {
                        href: string;
                        rel: string;
                        type?: string;
                    }[];
                } | string;
                key_name?: string | null;
                links: {
                    href: string;
                    rel: string;
                    type?: string;
                }[];
                locked?: boolean;
                locked_reason?: string | null;
                metadata: {
                    [key: string]: string;
                };
                name: string;
                "OS-DCF:diskConfig"?: string;
                "OS-EXT-AZ:availability_zone"?: string;
                "OS-EXT-SRV-ATTR:host"?: string | null;
                "OS-EXT-SRV-ATTR:hostname"?: string;
                "OS-EXT-SRV-ATTR:hypervisor_hostname"?: string | null;
                "OS-EXT-SRV-ATTR:instance_name"?: string;
                "OS-EXT-SRV-ATTR:kernel_id"?: string;
                "OS-EXT-SRV-ATTR:launch_index"?: number;
                "OS-EXT-SRV-ATTR:ramdisk_id"?: string;
                "OS-EXT-SRV-ATTR:reservation_id"?: string;
                "OS-EXT-SRV-ATTR:root_device_name"?: string | null;
                "OS-EXT-SRV-ATTR:user_data"?: string | null;
                "OS-EXT-STS:power_state"?: number;
                "OS-EXT-STS:task_state"?: string | null;
                "OS-EXT-STS:vm_state"?: string;
                "os-extended-volumes:volumes_attached"?: {
                    delete_on_termination?: boolean;
                    id: string;
                }[];
                "OS-SRV-USG:launched_at"?: string | null;
                "OS-SRV-USG:terminated_at"?: string | null;
                pinned_availability_zone?: string | null;
                progress?: number;
                security_groups?: {
                    name: string;
                }[];
                server_groups?: string[];
                status: string;
                tags?: string[];
                tenant_id: string;
                trusted_image_certificates?: null;
                updated: string;
                user_data?: string | null;
                user_id: string;
            };
        };
        IdentityListAvailableProjects: {
            links: {
                next: null;
                previous: null;
                self: string;
            };
            projects: ({
                description: string;
                domain_id: string | null;
                enabled: boolean;
                id: string;
                is_domain: boolean;
                links: {
                    self: string;
                };
                name: string;
                options: {
                    [key: string]: unknown;
                };
                parent_id: string | null;
                parents?: unknown;
                subtree?: unknown;
                tags: string[];
            } & {
                [key: string]: unknown;
            })[];
        };
        ImageListImageMembers: {
            members: {
                created_at: string;
                image_id: string;
                member_id: string;
                schema: string;
                status: "pending" | "accepted" | "rejected";
                updated_at: string;
            }[];
            schema: string;
        };
        /** image */
        ImageShowImage: {
            checksum: string | null;
            /** @enum {string|null} */
            container_format: "ami" | "ari" | "aki" | "bare" | "ovf" | "ova" | "docker" | "compressed" | null;
            created_at: string;
            /** @enum {string|null} */
            disk_format: "ami" | "ari" | "aki" | "vhd" | "vhdx" | "vmdk" | "raw" | "qcow2" | "vdi" | "iso" | "ploop" | null;
            file: string;
            id: string;
            min_disk: number;
            min_ram: number;
            name: string | null;
            os_hash_algo: string | null;
            os_hash_value: string | null;
            os_hidden: boolean;
            owner: string | null;
            protected: boolean;
            schema: string;
            self: string;
            size: number | null;
            status: string;
            stores?: string;
            tags: string[];
            updated_at: string;
            virtual_size: number | null;
            visibility: "community" | "public" | "private" | "shared";
        } & {
            [key: string]: string;
        };
        NativeListActivities: {
            activities: {
                created_at: string;
                failure: {
                    code: string;
                    message: string;
                    step: string;
                } | null;
                finished_at: string | null;
                id: string;
                kind: string;
                name: string;
                progress: number;
                project_id: string;
                request_id: string;
                resource_id: string;
                resource_name: string | null;
                resource_type: string;
                state: string;
                updated_at: string;
                user_id: string;
            }[];
        };
        NativeListDeletedImages: {
            images: {
                deleted_at: string | null;
                disk_format: string | null;
                expunge_at: string | null;
                id: string;
                name: string | null;
                project_id: string;
                size: number | null;
            }[];
        };
        NativeListImageCopies: {
            copies: {
                attempts: number;
                image_store: string;
                image_store_id: string;
                install_path: string | null;
                last_error: string | null;
                progress: number;
                size: number | null;
                state: string;
            }[];
        };
        NativeListMigrationTargets: {
            targets: {
                host_id: string;
                is_possible: boolean;
                name: string;
                reasons: string[];
            }[];
        };
        NativeShowActivity: {
            activity: {
                created_at: string;
                failure: {
                    code: string;
                    message: string;
                    step: string;
                } | null;
                finished_at: string | null;
                id: string;
                kind: string;
                name: string;
                progress: number;
                project_id: string;
                request_id: string;
                resource_id: string;
                resource_name: string | null;
                resource_type: string;
                spans: components["schemas"]["NativeShowActivitySpan"][];
                state: string;
                steps: {
                    ended_at: string;
                    name: string;
                    outcome: string;
                    path: string;
                }[];
                updated_at: string;
                user_id: string;
            };
        };
        NativeShowActivitySpan: {
            finished_at: string | null;
            host: string | null;
            name: string;
            path: string;
            result: string | null;
            spans: components["schemas"]["NativeShowActivitySpan"][];
            started_at: string;
            traceback: string | null;
        };
        NativeShowOverview: {
            capacity: {
                connected: number;
                hosts: number;
                total: {
                    disk_gb: number;
                    memory_mb: number;
                    vcpus: number;
                };
                used: {
                    disk_gb: number;
                    memory_mb: number;
                    vcpus: number;
                };
            } | null;
            concerns: {
                kind: string;
                message: string;
                name: string;
                resource_id: string;
                resource_type: string;
                since: string;
            }[];
            limits: {
                [key: string]: number;
            };
            servers: {
                [key: string]: number;
            };
            usage: {
                [key: string]: number;
            };
        };
        NetworkShowNetwork: {
            network: {
                admin_state_up?: boolean;
                created_at?: string;
                description?: string;
                dns_domain?: string;
                id?: string;
                ipv4_address_scope?: null;
                ipv6_address_scope?: null;
                is_default?: boolean;
                mtu?: number;
                name?: string;
                port_security_enabled?: boolean;
                project_id?: string;
                "provider:network_type"?: string;
                "provider:physical_network"?: null;
                "provider:segmentation_id"?: number | null;
                qos_policy_id?: string | null;
                revision_number?: number;
                "router:external"?: boolean;
                shared?: boolean;
                status?: string;
                subnets?: string[];
                tags?: string[];
                tenant_id?: string;
                updated_at?: string;
            };
        };
        NetworkShowPort: {
            port: {
                admin_state_up?: boolean;
                allowed_address_pairs?: {
                    ip_address: string;
                    mac_address?: string;
                }[];
                "binding:host_id"?: string;
                "binding:profile"?: {
                    [key: string]: unknown;
                };
                "binding:vif_details"?: {
                    [key: string]: unknown;
                };
                "binding:vif_type"?: string;
                "binding:vnic_type"?: string;
                created_at?: string;
                description?: string;
                device_id?: string;
                device_owner?: string;
                dns_assignment?: {
                    fqdn: string;
                    hostname: string;
                    ip_address: string;
                }[];
                dns_domain?: string;
                dns_name?: string;
                extra_dhcp_opts?: {
                    ip_version: number;
                    opt_name: string;
                    opt_value: string | null;
                }[];
                fixed_ips?: {
                    ip_address?: string;
                    subnet_id?: string;
                }[];
                id?: string;
                mac_address?: string;
                name?: string;
                network_id?: string;
                port_security_enabled?: boolean;
                project_id?: string;
                qos_policy_id?: string | null;
                revision_number?: number;
                security_groups?: string[];
                status?: string;
                tags?: string[];
                tenant_id?: string;
                updated_at?: string;
            };
        };
        NetworkShowRouter: {
            router: {
                admin_state_up?: boolean;
                created_at?: string;
                description?: string;
                external_gateway_info?: {
                    enable_snat: boolean;
                    external_fixed_ips: {
                        ip_address?: string;
                        subnet_id?: string;
                    }[];
                    network_id: string;
                } | null;
                id?: string;
                name?: string;
                project_id?: string;
                revision_number?: number;
                routes?: {
                    destination: string;
                    nexthop: string;
                }[];
                status?: string;
                tags?: string[];
                tenant_id?: string;
                updated_at?: string;
            };
        };
        NetworkShowSecurityGroup: {
            security_group: {
                created_at?: string;
                description?: string;
                id?: string;
                name?: string;
                project_id?: string;
                revision_number?: number;
                security_group_rules?: {
                    created_at?: string;
                    description?: string;
                    direction?: string;
                    ethertype?: string;
                    id?: string;
                    normalized_cidr?: string | null;
                    port_range_max?: number | null;
                    port_range_min?: number | null;
                    project_id?: string;
                    protocol?: string | null;
                    remote_address_group_id?: string | null;
                    remote_group_id?: string | null;
                    remote_ip_prefix?: string | null;
                    revision_number?: number;
                    security_group_id?: string;
                    tenant_id?: string;
                    updated_at?: string;
                }[];
                stateful?: boolean;
                tags?: string[];
                tenant_id?: string;
                updated_at?: string;
            };
        };
        NetworkShowSubnet: {
            subnet: {
                allocation_pools?: {
                    end: string;
                    start: string;
                }[];
                cidr?: string;
                created_at?: string;
                description?: string;
                dns_nameservers?: string[];
                enable_dhcp?: boolean;
                gateway_ip?: string | null;
                host_routes?: {
                    destination: string;
                    nexthop: string;
                }[];
                id?: string;
                ip_version?: number;
                ipv6_address_mode?: string | null;
                ipv6_ra_mode?: string | null;
                name?: string;
                network_id?: string;
                project_id?: string;
                revision_number?: number;
                service_types?: string[];
                subnetpool_id?: string | null;
                tags?: string[];
                tenant_id?: string;
                updated_at?: string;
            };
        };
        PlacementListInventories: {
            inventories: {
                [key: string]: {
                    allocation_ratio: number;
                    max_unit: number;
                    min_unit: number;
                    reserved: number;
                    resource_provider_generation?: number;
                    step_size: number;
                    total: number;
                };
            };
            resource_provider_generation: number;
        };
        VolumeShowSnapshot: {
            snapshot: {
                consumes_quota?: boolean;
                created_at: string;
                description: string | null;
                group_snapshot_id?: string | null;
                id: string;
                metadata: {
                    [key: string]: string;
                };
                name: string | null;
                "os-extended-snapshot-attributes:progress"?: string;
                "os-extended-snapshot-attributes:project_id"?: string;
                size: number;
                status: string;
                updated_at: string;
                user_id?: string;
                volume_id: string;
            };
        };
        VolumeShowVolume: {
            volume: {
                attachments: {
                    attached_at: string | null;
                    attachment_id: string;
                    device: string | null;
                    host_name: string | null;
                    id: string;
                    server_id: string | null;
                    volume_id: string;
                }[];
                availability_zone: string;
                bootable: string;
                cluster_name?: null;
                consistencygroup_id: null;
                consumes_quota?: boolean;
                created_at: string;
                description: string | null;
                encrypted: boolean;
                group_id?: string | null;
                id: string;
                links: {
                    href: string;
                    rel: string;
                    type?: string;
                }[];
                metadata: {
                    [key: string]: string;
                };
                migration_status: string | null;
                multiattach: boolean;
                name: string | null;
                "os-vol-host-attr:host"?: string | null;
                "os-vol-mig-status-attr:migstat"?: string | null;
                "os-vol-mig-status-attr:name_id"?: null;
                "os-vol-tenant-attr:tenant_id"?: string;
                provider_id?: null;
                replication_status: null;
                service_uuid?: null;
                shared_targets?: boolean;
                size: number;
                snapshot_id: string | null;
                source_volid: string | null;
                status: string;
                updated_at: string | null;
                user_id: string;
                volume_image_metadata?: {
                    [key: string]: string;
                };
                volume_type: string;
                volume_type_id?: string;
            };
        };
    };
    responses: never;
    parameters: never;
    requestBodies: never;
    headers: never;
    pathItems: never;
}
export type ComputeListAvailabilityZones = components['schemas']['ComputeListAvailabilityZones'];
export type ComputeListKeypairs = components['schemas']['ComputeListKeypairs'];
export type ComputeListVolumeAttachments = components['schemas']['ComputeListVolumeAttachments'];
export type ComputeShowFlavor = components['schemas']['ComputeShowFlavor'];
export type ComputeShowServer = components['schemas']['ComputeShowServer'];
export type IdentityListAvailableProjects = components['schemas']['IdentityListAvailableProjects'];
export type ImageListImageMembers = components['schemas']['ImageListImageMembers'];
export type ImageShowImage = components['schemas']['ImageShowImage'];
export type NativeListActivities = components['schemas']['NativeListActivities'];
export type NativeListDeletedImages = components['schemas']['NativeListDeletedImages'];
export type NativeListImageCopies = components['schemas']['NativeListImageCopies'];
export type NativeListMigrationTargets = components['schemas']['NativeListMigrationTargets'];
export type NativeShowActivity = components['schemas']['NativeShowActivity'];
export type NativeShowActivitySpan = components['schemas']['NativeShowActivitySpan'];
export type NativeShowOverview = components['schemas']['NativeShowOverview'];
export type NetworkShowNetwork = components['schemas']['NetworkShowNetwork'];
export type NetworkShowPort = components['schemas']['NetworkShowPort'];
export type NetworkShowRouter = components['schemas']['NetworkShowRouter'];
export type NetworkShowSecurityGroup = components['schemas']['NetworkShowSecurityGroup'];
export type NetworkShowSubnet = components['schemas']['NetworkShowSubnet'];
export type PlacementListInventories = components['schemas']['PlacementListInventories'];
export type VolumeShowSnapshot = components['schemas']['VolumeShowSnapshot'];
export type VolumeShowVolume = components['schemas']['VolumeShowVolume'];
export type $defs = Record<string, never>;
export type operations = Record<string, never>;
