// Made by `node console/openapi/answers.ts` from the cloud's OpenAPI documents.
export type paths = Record<string, never>;
export type webhooks = Record<string, never>;
export interface components {
    schemas: {
        NativeListActivities: {
            activities: {
                id: string;
                /** @description The registered action, as `server.rebuild`. */
                kind: string;
                /** @description The name its users know, as `rebuild`. */
                name: string;
                resource_type: string;
                resource_id: string;
                resource_name: string | null;
                project_id: string;
                user_id: string;
                /** @description The API request that asked for it. */
                request_id: string;
                /** @description `pending`, `running`, `unwinding`, `succeeded`, `failed` or `parked`. */
                state: string;
                /** @description Percent. */
                progress: number;
                /** @description The first cause of a failure. */
                failure: {
                    code: string;
                    message: string;
                    step: string;
                } | null;
                /**
                 * Format: date-time
                 * @description RFC 3339 with microseconds, UTC.
                 */
                created_at: string;
                /**
                 * Format: date-time
                 * @description RFC 3339 with microseconds, UTC.
                 */
                updated_at: string;
                finished_at: string | null;
            }[];
        };
        NativeShowActivitySpan: {
            name: string;
            /** @description Its place in the definition of the action. */
            path: string;
            host: string | null;
            /**
             * Format: date-time
             * @description RFC 3339 with microseconds, UTC.
             */
            started_at: string;
            finished_at: string | null;
            /** @description `Success` or `Error`; null while it is under way. */
            result: string | null;
            /** @description Only for administrators. */
            traceback: string | null;
            /** @description The work inside it. */
            spans: components["schemas"]["NativeShowActivitySpan"][];
        };
        NativeShowActivity: {
            activity: {
                id: string;
                /** @description The registered action, as `server.rebuild`. */
                kind: string;
                /** @description The name its users know, as `rebuild`. */
                name: string;
                resource_type: string;
                resource_id: string;
                resource_name: string | null;
                project_id: string;
                user_id: string;
                /** @description The API request that asked for it. */
                request_id: string;
                /** @description `pending`, `running`, `unwinding`, `succeeded`, `failed` or `parked`. */
                state: string;
                /** @description Percent. */
                progress: number;
                /** @description The first cause of a failure. */
                failure: {
                    code: string;
                    message: string;
                    step: string;
                } | null;
                /**
                 * Format: date-time
                 * @description RFC 3339 with microseconds, UTC.
                 */
                created_at: string;
                /**
                 * Format: date-time
                 * @description RFC 3339 with microseconds, UTC.
                 */
                updated_at: string;
                finished_at: string | null;
                spans: components["schemas"]["NativeShowActivitySpan"][];
                steps: {
                    name: string;
                    path: string;
                    outcome: string;
                    /**
                     * Format: date-time
                     * @description RFC 3339 with microseconds, UTC.
                     */
                    ended_at: string;
                }[];
            };
        };
        NativeShowOverview: {
            servers: {
                [key: string]: number;
            };
            limits: {
                [key: string]: number;
            };
            usage: {
                [key: string]: number;
            };
            /** @description What all hosts can give away, and what of it is taken. Null for those who are no administrators. */
            capacity: {
                hosts: number;
                connected: number;
                total: {
                    vcpus: number;
                    memory_mb: number;
                    disk_gb: number;
                };
                used: {
                    vcpus: number;
                    memory_mb: number;
                    disk_gb: number;
                };
            } | null;
            /** @description What somebody should look at, the newest first. */
            concerns: {
                /** @description `server_error`, `volume_error`, `host_disconnected` or `action_parked` (a deletion that is still tried). */
                kind: string;
                resource_type: string;
                resource_id: string;
                name: string;
                /** @description What is known of the cause. */
                message: string;
                /** Format: date-time */
                since: string;
            }[];
        };
        NativeListImageCopies: {
            copies: {
                image_store_id: string;
                image_store: string;
                state: string;
                install_path: string | null;
                size: number | null;
                /** @description Percent. */
                progress: number;
                attempts: number;
                last_error: string | null;
            }[];
        };
        NativeListDeletedImages: {
            images: {
                id: string;
                name: string | null;
                project_id: string;
                disk_format: string | null;
                /** @description Bytes. */
                size: number | null;
                deleted_at: string | null;
                /** @description When its bytes are removed for good. */
                expunge_at: string | null;
            }[];
        };
        NativeListMigrationTargets: {
            targets: {
                host_id: string;
                name: string;
                is_possible: boolean;
                /** @description Why it is not, as the scheduler says it. */
                reasons: string[];
            }[];
        };
        ComputeShowServer: {
            server: {
                id: string;
                name: string;
                status: string;
                tenant_id: string;
                user_id: string;
                metadata: {
                    [key: string]: string;
                };
                /** @description A hash of the project and the host; empty while it is on none. */
                hostId: string;
                /** @description Empty for a server that boots from a volume. */
                image: {
                    id?: string;
                    links?: {
                        rel: string;
                        href: string;
                        type?: string;
                    }[];
                } | string;
                flavor: {
                    id?: string;
                    links?: {
                        rel: string;
                        href: string;
                        type?: string;
                    }[];
                    vcpus?: number;
                    ram?: number;
                    disk?: number;
                    ephemeral?: number;
                    swap?: number;
                    original_name?: string;
                    extra_specs?: {
                        [key: string]: string;
                    };
                };
                created: string;
                updated: string;
                /** @description By network name. */
                addresses: {
                    [key: string]: {
                        addr: string;
                        version: number;
                        "OS-EXT-IPS:type"?: string;
                        "OS-EXT-IPS-MAC:mac_addr"?: string;
                    }[];
                };
                accessIPv4: string;
                accessIPv6: string;
                links: {
                    rel: string;
                    href: string;
                    type?: string;
                }[];
                progress?: number;
                fault?: {
                    code: number;
                    created: string;
                    message: string;
                    details?: string;
                };
                adminPass?: string;
                "OS-DCF:diskConfig"?: string;
                "OS-EXT-AZ:availability_zone"?: string;
                "OS-EXT-STS:vm_state"?: string;
                "OS-EXT-STS:task_state"?: string | null;
                "OS-EXT-STS:power_state"?: number;
                "OS-SRV-USG:launched_at"?: string | null;
                "OS-SRV-USG:terminated_at"?: string | null;
                "os-extended-volumes:volumes_attached"?: {
                    id: string;
                    delete_on_termination?: boolean;
                }[];
                config_drive?: string;
                key_name?: string | null;
                security_groups?: {
                    name: string;
                }[];
                "OS-EXT-SRV-ATTR:host"?: string | null;
                "OS-EXT-SRV-ATTR:instance_name"?: string;
                "OS-EXT-SRV-ATTR:hypervisor_hostname"?: string | null;
                "OS-EXT-SRV-ATTR:hostname"?: string;
                "OS-EXT-SRV-ATTR:reservation_id"?: string;
                "OS-EXT-SRV-ATTR:launch_index"?: number;
                "OS-EXT-SRV-ATTR:ramdisk_id"?: string;
                "OS-EXT-SRV-ATTR:kernel_id"?: string;
                "OS-EXT-SRV-ATTR:root_device_name"?: string | null;
                "OS-EXT-SRV-ATTR:user_data"?: string | null;
                locked?: boolean;
                host_status?: string;
                description?: string | null;
                tags?: string[];
                trusted_image_certificates?: null;
                server_groups?: string[];
                locked_reason?: string | null;
                pinned_availability_zone?: string | null;
                user_data?: string | null;
            };
        };
        ComputeShowFlavor: {
            flavor: {
                id: string;
                links: {
                    rel: string;
                    href: string;
                    type?: string;
                }[];
                name: string;
                /** @description MiB. */
                ram: number;
                /** @description GiB. */
                disk: number;
                vcpus: number;
                /** @description MiB, or an empty text for none. */
                swap: number | string;
                rxtx_factor: number;
                /** @description GiB. */
                "OS-FLV-EXT-DATA:ephemeral": number;
                "OS-FLV-DISABLED:disabled": boolean;
                "os-flavor-access:is_public": boolean;
                description?: string | null;
                extra_specs?: {
                    [key: string]: string;
                };
            };
        };
        ComputeListKeypairs: {
            keypairs: {
                keypair: {
                    name: string;
                    public_key: string;
                    fingerprint: string;
                    /** @description `ssh` or `x509`; from 2.2 on. */
                    type?: string;
                };
            }[];
            keypairs_links?: {
                rel: string;
                href: string;
                type?: string;
            }[];
        };
        ComputeListAvailabilityZones: {
            availabilityZoneInfo: {
                zoneName: string;
                zoneState: {
                    available: boolean;
                };
                hosts: null;
            }[];
        };
        ComputeListVolumeAttachments: {
            volumeAttachments: {
                /** @description The volume's id; up to 2.88. */
                id?: string;
                serverId: string;
                volumeId: string;
                device: string | null;
                /** @description From 2.70 on; disks have no tags here. */
                tag?: null;
                /** @description From 2.79 on. */
                delete_on_termination?: boolean;
                /** @description From 2.89 on. */
                attachment_id?: string;
                /** @description From 2.89 on. */
                bdm_uuid?: string;
            }[];
        };
        /** image */
        ImageShowImage: {
            /** @description What people call it; need not be unique. */
            name: string | null;
            /** @description Who may use it. Only administrators make an image public. */
            visibility: "community" | "public" | "private" | "shared";
            /** @description Whether it can not be deleted. */
            protected: boolean;
            /** @description Whether lists leave it out unless they ask for hidden ones. */
            os_hidden: boolean;
            /** @enum {string|null} */
            container_format: "ami" | "ari" | "aki" | "bare" | "ovf" | "ova" | "docker" | "compressed" | null;
            /** @enum {string|null} */
            disk_format: "ami" | "ari" | "aki" | "vhd" | "vhdx" | "vmdk" | "raw" | "qcow2" | "vdi" | "iso" | "ploop" | null;
            /** @description GiB of disk that a server from it needs. */
            min_disk: number;
            /** @description MiB of memory that a server from it needs. */
            min_ram: number;
            tags: string[];
            /** @description Id of the project that it belongs to. */
            owner: string | null;
            id: string;
            /** @description queued, saving, importing, active, deactivated, killed. */
            status: string;
            /** @description md5 of the data. */
            checksum: string | null;
            /** @description The algorithm of os_hash_value. */
            os_hash_algo: string | null;
            /** @description A better digest of the data. */
            os_hash_value: string | null;
            /** @description Bytes of the data. */
            size: number | null;
            /** @description Bytes of the disk that a guest sees. */
            virtual_size: number | null;
            created_at: string;
            updated_at: string;
            self: string;
            file: string;
            schema: string;
            /** @description The stores that have the data. */
            stores?: string;
        } & {
            [key: string]: string;
        };
        NetworkShowNetwork: {
            network: {
                id?: string;
                project_id?: string;
                tenant_id?: string;
                description?: string;
                name?: string;
                admin_state_up?: boolean;
                status?: string;
                shared?: boolean;
                "router:external"?: boolean;
                is_default?: boolean;
                mtu?: number;
                port_security_enabled?: boolean;
                dns_domain?: string;
                qos_policy_id?: string | null;
                ipv4_address_scope?: null;
                ipv6_address_scope?: null;
                availability_zone_hints?: string[];
                availability_zones?: string[];
                subnets?: string[];
                "provider:network_type"?: string;
                "provider:physical_network"?: null;
                "provider:segmentation_id"?: number | null;
                tags?: string[];
                /** Format: date-time */
                created_at?: string;
                /** Format: date-time */
                updated_at?: string;
                revision_number?: number;
            };
        };
        NetworkShowSubnet: {
            subnet: {
                id?: string;
                project_id?: string;
                tenant_id?: string;
                description?: string;
                name?: string;
                network_id?: string;
                ip_version?: number;
                cidr?: string;
                gateway_ip?: string | null;
                enable_dhcp?: boolean;
                allocation_pools?: {
                    start: string;
                    end: string;
                }[];
                dns_nameservers?: string[];
                host_routes?: {
                    destination: string;
                    nexthop: string;
                }[];
                service_types?: string[];
                subnetpool_id?: string | null;
                ipv6_address_mode?: string | null;
                ipv6_ra_mode?: string | null;
                tags?: string[];
                /** Format: date-time */
                created_at?: string;
                /** Format: date-time */
                updated_at?: string;
                revision_number?: number;
            };
        };
        NetworkShowPort: {
            port: {
                id?: string;
                project_id?: string;
                tenant_id?: string;
                description?: string;
                name?: string;
                network_id?: string;
                mac_address?: string;
                admin_state_up?: boolean;
                status?: string;
                device_id?: string;
                device_owner?: string;
                fixed_ips?: {
                    subnet_id?: string;
                    ip_address?: string;
                }[];
                security_groups?: string[];
                port_security_enabled?: boolean;
                allowed_address_pairs?: {
                    ip_address: string;
                    mac_address?: string;
                }[];
                dns_name?: string;
                dns_domain?: string;
                dns_assignment?: {
                    hostname: string;
                    ip_address: string;
                    fqdn: string;
                }[];
                extra_dhcp_opts?: {
                    opt_name: string;
                    opt_value: string | null;
                    ip_version: number;
                }[];
                qos_policy_id?: string | null;
                "binding:vnic_type"?: string;
                "binding:host_id"?: string;
                "binding:vif_type"?: string;
                "binding:vif_details"?: {
                    [key: string]: unknown;
                };
                "binding:profile"?: {
                    [key: string]: unknown;
                };
                tags?: string[];
                /** Format: date-time */
                created_at?: string;
                /** Format: date-time */
                updated_at?: string;
                revision_number?: number;
            };
        };
        NetworkShowRouter: {
            router: {
                id?: string;
                project_id?: string;
                tenant_id?: string;
                description?: string;
                name?: string;
                admin_state_up?: boolean;
                status?: string;
                external_gateway_info?: {
                    network_id: string;
                    enable_snat: boolean;
                    external_fixed_ips: {
                        subnet_id?: string;
                        ip_address?: string;
                    }[];
                } | null;
                routes?: {
                    destination: string;
                    nexthop: string;
                }[];
                tags?: string[];
                /** Format: date-time */
                created_at?: string;
                /** Format: date-time */
                updated_at?: string;
                revision_number?: number;
            };
        };
        NetworkShowSecurityGroup: {
            security_group: {
                id?: string;
                project_id?: string;
                tenant_id?: string;
                description?: string;
                name?: string;
                stateful?: boolean;
                security_group_rules?: {
                    id?: string;
                    project_id?: string;
                    tenant_id?: string;
                    description?: string;
                    security_group_id?: string;
                    direction?: string;
                    ethertype?: string;
                    protocol?: string | null;
                    port_range_min?: number | null;
                    port_range_max?: number | null;
                    remote_ip_prefix?: string | null;
                    remote_group_id?: string | null;
                    remote_address_group_id?: string | null;
                    normalized_cidr?: string | null;
                    tags?: string[];
                    /** Format: date-time */
                    created_at?: string;
                    /** Format: date-time */
                    updated_at?: string;
                    revision_number?: number;
                }[];
                tags?: string[];
                /** Format: date-time */
                created_at?: string;
                /** Format: date-time */
                updated_at?: string;
                revision_number?: number;
            };
        };
        VolumeShowVolume: {
            volume: {
                id: string;
                name: string | null;
                links: {
                    rel: string;
                    href: string;
                    type?: string;
                }[];
                description: string | null;
                status: string;
                /** @description GiB. */
                size: number;
                availability_zone: string;
                created_at: string;
                updated_at: string | null;
                volume_type: string;
                snapshot_id: string | null;
                source_volid: string | null;
                metadata: {
                    [key: string]: string;
                };
                attachments: {
                    id: string;
                    attachment_id: string;
                    volume_id: string;
                    server_id: string | null;
                    host_name: string | null;
                    device: string | null;
                    attached_at: string | null;
                }[];
                user_id: string;
                /** @description `true` or `false`, as text. */
                bootable: string;
                encrypted: boolean;
                replication_status: null;
                consistencygroup_id: null;
                multiattach: boolean;
                migration_status: null;
                volume_image_metadata?: {
                    [key: string]: string;
                };
                "os-vol-tenant-attr:tenant_id"?: string;
                "os-vol-host-attr:host"?: string | null;
                "os-vol-mig-status-attr:migstat"?: null;
                "os-vol-mig-status-attr:name_id"?: null;
                group_id?: string | null;
                provider_id?: null;
                shared_targets?: boolean;
                service_uuid?: null;
                cluster_name?: null;
                volume_type_id?: string;
                consumes_quota?: boolean;
            };
        };
        IdentityListAvailableProjects: {
            projects: {
                id: string;
                name: string;
                domain_id: string | null;
                description: string;
                enabled: boolean;
                parent_id: string | null;
                is_domain: boolean;
                tags: string[];
                options: {
                    [key: string]: unknown;
                };
                links: {
                    self: string;
                };
                parents?: unknown;
                subtree?: unknown;
            }[];
            links: {
                next: null;
                self: string;
                previous: null;
            };
        };
    };
    responses: never;
    parameters: never;
    requestBodies: never;
    headers: never;
    pathItems: never;
}
export type NativeListActivities = components['schemas']['NativeListActivities'];
export type NativeShowActivitySpan = components['schemas']['NativeShowActivitySpan'];
export type NativeShowActivity = components['schemas']['NativeShowActivity'];
export type NativeShowOverview = components['schemas']['NativeShowOverview'];
export type NativeListImageCopies = components['schemas']['NativeListImageCopies'];
export type NativeListDeletedImages = components['schemas']['NativeListDeletedImages'];
export type NativeListMigrationTargets = components['schemas']['NativeListMigrationTargets'];
export type ComputeShowServer = components['schemas']['ComputeShowServer'];
export type ComputeShowFlavor = components['schemas']['ComputeShowFlavor'];
export type ComputeListKeypairs = components['schemas']['ComputeListKeypairs'];
export type ComputeListAvailabilityZones = components['schemas']['ComputeListAvailabilityZones'];
export type ComputeListVolumeAttachments = components['schemas']['ComputeListVolumeAttachments'];
export type ImageShowImage = components['schemas']['ImageShowImage'];
export type NetworkShowNetwork = components['schemas']['NetworkShowNetwork'];
export type NetworkShowSubnet = components['schemas']['NetworkShowSubnet'];
export type NetworkShowPort = components['schemas']['NetworkShowPort'];
export type NetworkShowRouter = components['schemas']['NetworkShowRouter'];
export type NetworkShowSecurityGroup = components['schemas']['NetworkShowSecurityGroup'];
export type VolumeShowVolume = components['schemas']['VolumeShowVolume'];
export type IdentityListAvailableProjects = components['schemas']['IdentityListAvailableProjects'];
export type $defs = Record<string, never>;
export type operations = Record<string, never>;
