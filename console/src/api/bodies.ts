// Made by `node console/openapi/bodies.ts` from the cloud's OpenAPI documents.
export type paths = Record<string, never>;
export type webhooks = Record<string, never>;
export interface components {
    schemas: {
        ComputeAttachVolumeBody: {
            volumeAttachment: {
                delete_on_termination?: boolean;
                device?: null | string;
                tag?: string;
                volumeId: string;
            };
        };
        /** ConfirmResize */
        ComputeConfirmResizeBody: {
            confirmResize: unknown;
        };
        ComputeCreateFlavorBody: {
            flavor: {
                description?: string | null;
                disk: number | string;
                id?: string | number | null;
                name: string;
                "os-flavor-access:is_public"?: boolean | string;
                "OS-FLV-EXT-DATA:ephemeral"?: number | string;
                ram: number | string;
                rxtx_factor?: number | string;
                swap?: number | string;
                vcpus: number | string;
            };
        };
        ComputeCreateKeypairBody: {
            keypair: {
                name: string;
                public_key?: string | null;
                type?: "ssh" | "x509";
                user_id?: string;
            };
        };
        ComputeCreateRemoteConsoleBody: {
            remote_console: {
                protocol: "vnc" | "serial" | "spice" | "rdp";
                type: string;
            };
        };
        ComputeCreateServerBody: {
            "OS-SCH-HNT:scheduler_hints"?: {
                [key: string]: unknown;
            };
            "os:scheduler_hints"?: {
                [key: string]: unknown;
            };
            server: {
                accessIPv4?: string | null;
                accessIPv6?: string | null;
                adminPass?: string;
                availability_zone?: string;
                block_device_mapping?: {
                    connection_info?: string;
                    delete_on_termination?: boolean | string;
                    device_name?: string;
                    no_device?: unknown;
                    snapshot_id?: string;
                    virtual_name?: string;
                    volume_id?: string;
                    volume_size?: number | string | null;
                }[];
                block_device_mapping_v2?: {
                    boot_index?: number | string | null;
                    delete_on_termination?: boolean | string;
                    destination_type?: "local" | "volume";
                    device_name?: string | null;
                    device_type?: string | null;
                    disk_bus?: string | null;
                    guest_format?: string | null;
                    image_id?: string;
                    no_device?: unknown;
                    snapshot_id?: string;
                    source_type?: "volume" | "image" | "snapshot" | "blank";
                    tag?: string;
                    uuid?: string;
                    volume_id?: string;
                    volume_size?: number | string | null;
                    volume_type?: string | null;
                }[];
                config_drive?: boolean | string | null;
                description?: string | null;
                flavorRef: number | string;
                host?: string;
                hostname?: string;
                hypervisor_hostname?: string;
                imageRef?: string;
                key_name?: string;
                max_count?: number | string;
                metadata?: {
                    [key: string]: string;
                };
                min_count?: number | string;
                name: string;
                networks?: {
                    fixed_ip?: string;
                    port?: string | null;
                    tag?: string;
                    uuid?: string;
                }[] | string;
                "OS-DCF:diskConfig"?: "AUTO" | "MANUAL";
                personality?: {
                    contents: string;
                    path: string;
                }[];
                return_reservation_id?: boolean | string;
                security_groups?: {
                    name: string;
                }[];
                tags?: string[];
                trusted_image_certificates?: string[] | null;
                user_data?: string;
            };
        };
        ComputeCreateServerGroupBody: {
            server_group: {
                name: string;
                policies?: ("affinity" | "anti-affinity" | "soft-affinity" | "soft-anti-affinity")[];
                policy?: "affinity" | "anti-affinity" | "soft-affinity" | "soft-anti-affinity";
                rules?: {
                    max_server_per_host?: number | string;
                };
            };
        };
        /** CreateServerImage */
        ComputeCreateServerImageBody: {
            createImage: {
                metadata?: {
                    [key: string]: string;
                };
                name: string;
            };
        };
        /** GetConsoleOutput */
        ComputeGetConsoleOutputBody: {
            "os-getConsoleOutput": {
                length?: number | string | null;
            };
        };
        /** LiveMigrateServer */
        ComputeLiveMigrateServerBody: {
            "os-migrateLive": {
                block_migration?: boolean | string;
                disk_over_commit?: boolean | string;
                force?: boolean | string;
                host: string | null;
            };
        };
        /** LockServer */
        ComputeLockServerBody: {
            lock: null | {
                locked_reason?: string;
            };
        };
        /** MigrateServer */
        ComputeMigrateServerBody: {
            migrate: null | {
                host?: string | null;
            };
        };
        /** PauseServer */
        ComputePauseServerBody: {
            pause: unknown;
        };
        /** RebootServer */
        ComputeRebootServerBody: {
            reboot: {
                type: string;
            };
        };
        /** RebuildServer */
        ComputeRebuildServerBody: {
            rebuild: {
                accessIPv4?: string | null;
                accessIPv6?: string | null;
                adminPass?: string;
                description?: string | null;
                hostname?: string;
                imageRef: string;
                key_name?: string | null;
                metadata?: {
                    [key: string]: string;
                };
                name?: string;
                "OS-DCF:diskConfig"?: "AUTO" | "MANUAL";
                personality?: {
                    contents: string;
                    path: string;
                }[];
                preserve_ephemeral?: boolean | string;
                trusted_image_certificates?: string[] | null;
                user_data?: string | null;
            };
        };
        /** RescueServer */
        ComputeRescueServerBody: {
            rescue: {
                adminPass?: string;
                rescue_image_ref?: string;
            } | null;
        };
        /** ResizeServer */
        ComputeResizeServerBody: {
            resize: {
                flavorRef: number | string;
                "OS-DCF:diskConfig"?: "AUTO" | "MANUAL";
            };
        };
        /** ResumeServer */
        ComputeResumeServerBody: {
            resume: unknown;
        };
        /** RevertResize */
        ComputeRevertResizeBody: {
            revertResize: unknown;
        };
        /** ShelveServer */
        ComputeShelveServerBody: {
            shelve: unknown;
        };
        /** StartServer */
        ComputeStartServerBody: {
            "os-start": unknown;
        };
        /** StopServer */
        ComputeStopServerBody: {
            "os-stop": unknown;
        };
        /** SuspendServer */
        ComputeSuspendServerBody: {
            suspend: unknown;
        };
        /** UnlockServer */
        ComputeUnlockServerBody: {
            unlock: unknown;
        };
        /** UnpauseServer */
        ComputeUnpauseServerBody: {
            unpause: unknown;
        };
        /** UnrescueServer */
        ComputeUnrescueServerBody: {
            unrescue: unknown;
        };
        /** UnshelveServer */
        ComputeUnshelveServerBody: {
            unshelve: null | {
                availability_zone?: string | null;
                host?: string;
            };
        };
        ComputeUpdateHostBody: {
            maintenance_mode?: "enable" | "disable";
            status?: "enable" | "disable";
        };
        ComputeUpdateQuotaBody: {
            quota_set: {
                cores?: number | string;
                fixed_ips?: number | string;
                floating_ips?: number | string;
                force?: boolean | string;
                injected_file_content_bytes?: number | string;
                injected_file_path_bytes?: number | string;
                injected_files?: number | string;
                instances?: number | string;
                key_pairs?: number | string;
                metadata_items?: number | string;
                ram?: number | string;
                security_group_rules?: number | string;
                security_groups?: number | string;
                server_group_members?: number | string;
                server_groups?: number | string;
                tenant_id?: string;
            };
        };
        ComputeUpdateServiceBody: {
            disabled_reason?: string;
            forced_down?: boolean | string;
            status?: "enabled" | "disabled";
        };
        IdentityAuthenticateAndIssueTokenBody: {
            auth: {
                identity: {
                    application_credential?: {
                        id?: string | null;
                        name?: string | null;
                        secret: string;
                        user?: {
                            domain?: {
                                id?: string | null;
                                name?: string | null;
                            } | null;
                            id?: string | null;
                            name?: string | null;
                        } | null;
                    };
                    methods: string[];
                    oauth1?: {
                        [key: string]: unknown;
                    };
                    password?: {
                        user: {
                            domain?: {
                                id?: string | null;
                                name?: string | null;
                            } | null;
                            id?: string | null;
                            name?: string | null;
                            password: string;
                        };
                    };
                    token?: {
                        id: string;
                    };
                    totp?: {
                        user: {
                            domain?: {
                                id?: string | null;
                                name?: string | null;
                            } | null;
                            id?: string | null;
                            name?: string | null;
                            passcode: string;
                        };
                    };
                };
                scope?: {
                    domain?: {
                        id?: string | null;
                        name?: string | null;
                    } | null;
                    "OS-TRUST:trust"?: {
                        id: string;
                    } | null;
                    project?: {
                        domain?: {
                            id?: string | null;
                            name?: string | null;
                        } | null;
                        id?: string | null;
                        name?: string | null;
                    } | null;
                    system?: {
                        all?: boolean;
                    } | null;
                } | "unscoped" | null;
            };
        };
        IdentityCreateProjectBody: {
            project: {
                description?: string | null;
                domain_id?: string | null;
                enabled?: boolean;
                is_domain?: boolean | null;
                name: string;
                options?: {
                    [key: string]: unknown;
                };
                parent_id?: string | null;
                tags?: string[];
            };
        };
        IdentityCreateRoleBody: {
            role: {
                description?: string | null;
                domain_id?: string | null;
                name: string;
                options?: {
                    [key: string]: unknown;
                };
            };
        };
        IdentityCreateUserBody: {
            user: {
                default_project_id?: string | null;
                description?: string | null;
                domain_id?: string | null;
                email?: string | null;
                enabled?: boolean;
                federated?: unknown[];
                name: string;
                options?: {
                    ignore_change_password_upon_first_use?: boolean | null;
                    ignore_lockout_failure_attempts?: boolean | null;
                    ignore_password_expiry?: boolean | null;
                    ignore_user_inactivity?: boolean | null;
                    lock_password?: boolean | null;
                    multi_factor_auth_enabled?: boolean | null;
                    multi_factor_auth_rules?: string[][] | null;
                };
                password?: string | null;
            };
        };
        IdentityUpdateProjectBody: {
            project: {
                description?: string | null;
                domain_id?: string | null;
                enabled?: boolean;
                is_domain?: boolean | null;
                name?: string;
                options?: {
                    [key: string]: unknown;
                };
                tags?: string[];
            };
        };
        IdentityUpdateUserBody: {
            user: {
                default_project_id?: string | null;
                description?: string | null;
                domain_id?: string;
                email?: string | null;
                enabled?: boolean;
                federated?: unknown[];
                name?: string;
                options?: {
                    ignore_change_password_upon_first_use?: boolean | null;
                    ignore_lockout_failure_attempts?: boolean | null;
                    ignore_password_expiry?: boolean | null;
                    ignore_user_inactivity?: boolean | null;
                    lock_password?: boolean | null;
                    multi_factor_auth_enabled?: boolean | null;
                    multi_factor_auth_rules?: string[][] | null;
                };
                password?: string | null;
            };
        };
        ImageCreateImageBody: {
            /** @enum {string|null} */
            container_format?: "ami" | "ari" | "aki" | "bare" | "ovf" | "ova" | "docker" | "compressed" | null;
            /** @enum {string|null} */
            disk_format?: "ami" | "ari" | "aki" | "vhd" | "vhdx" | "vmdk" | "raw" | "qcow2" | "vdi" | "iso" | "ploop" | null;
            id?: string;
            min_disk?: number;
            min_ram?: number;
            name?: string | null;
            os_hidden?: boolean;
            owner?: string | null;
            protected?: boolean;
            tags?: string[];
            visibility?: "community" | "public" | "private" | "shared";
        } & {
            [key: string]: unknown;
        };
        ImageCreateImageMemberBody: {
            member: string;
        };
        ImageUpdateImageBody: unknown[] | Record<string, never> | string | number | boolean | null;
        ImageUpdateImageMemberBody: {
            status: "pending" | "accepted" | "rejected";
        };
        NativeAddFaultBody: {
            fault: {
                code?: "invalid" | "forbidden" | "not_found" | "conflict" | "quota_exceeded" | "no_valid_host" | "unavailable" | "internal";
                delay_seconds?: number;
                effect: "delay" | "error" | "stuck" | "lost_host";
                host?: string;
                message?: string;
                name?: string;
                operation?: string;
                project_id?: string;
                step?: string;
                times?: number;
            };
        };
        NativeAddHostBody: {
            address: string;
            name: string;
            password: string;
            ssh_port?: number;
            user: string;
            zone?: string;
        };
        NativeBeginImageUploadBody: {
            image_store_id?: string;
            size: number;
        };
        NativeResyncImageCopiesBody: {
            image_store_ids?: string[];
        };
        NativeUpdateImageStoreBody: {
            enabled: boolean;
        };
        NetworkAddRouterInterfaceBody: {
            port_id?: string;
            subnet_id?: string;
        };
        /** CreateFloatingIp */
        NetworkCreateFloatingIpBody: {
            floatingip: {
                description?: string;
                dns_domain?: string;
                dns_name?: string;
                fixed_ip_address?: string | null;
                floating_ip_address?: string | null;
                floating_network_id: string;
                port_id?: string | null;
                project_id?: string;
                subnet_id?: string | null;
                tenant_id?: string;
            };
        };
        /** CreateNetwork */
        NetworkCreateNetworkBody: {
            network: {
                admin_state_up?: boolean;
                description?: string;
                dns_domain?: string;
                is_default?: boolean;
                mtu?: number | string;
                name?: string;
                port_security_enabled?: boolean;
                project_id?: string;
                /** @constant */
                "provider:network_type"?: "vxlan";
                "provider:physical_network"?: null;
                "provider:segmentation_id"?: number | string;
                qos_policy_id?: string | null;
                "router:external"?: boolean;
                shared?: boolean;
                tenant_id?: string;
            };
        };
        /** CreateRouter */
        NetworkCreateRouterBody: {
            router: {
                admin_state_up?: boolean;
                description?: string;
                distributed?: boolean | null;
                external_gateway_info?: {
                    enable_snat?: boolean;
                    external_fixed_ips?: {
                        ip_address?: string;
                        subnet_id?: string;
                    }[];
                    network_id?: string | null;
                } | null;
                ha?: boolean | null;
                name?: string;
                project_id?: string;
                tenant_id?: string;
            };
        };
        /** CreateSecurityGroup */
        NetworkCreateSecurityGroupBody: {
            security_group: {
                description?: string;
                name: string;
                project_id?: string;
                stateful?: boolean;
                tenant_id?: string;
            };
        };
        /** CreateSecurityGroupRule */
        NetworkCreateSecurityGroupRuleBody: {
            security_group_rule: {
                description?: string;
                direction: "ingress" | "egress";
                ethertype?: string;
                port_range_max?: number | null;
                port_range_min?: number | null;
                project_id?: string;
                protocol?: (string | number) | null;
                remote_address_group_id?: string | null;
                remote_group_id?: string | null;
                remote_ip_prefix?: string | null;
                security_group_id: string;
                tenant_id?: string;
            };
        };
        /** CreateSubnet */
        NetworkCreateSubnetBody: {
            subnet: {
                allocation_pools?: {
                    end: string;
                    start: string;
                }[];
                cidr?: string | null;
                description?: string;
                dns_nameservers?: string[];
                enable_dhcp?: boolean;
                gateway_ip?: string | null;
                host_routes?: {
                    destination: string;
                    nexthop: string;
                }[];
                ip_version: 4 | 6 | "4" | "6";
                ipv6_address_mode?: ("slaac" | "dhcpv6-stateful" | "dhcpv6-stateless") | null;
                ipv6_ra_mode?: ("slaac" | "dhcpv6-stateful" | "dhcpv6-stateless") | null;
                name?: string;
                network_id: string;
                prefixlen?: number | string;
                project_id?: string;
                service_types?: string[];
                subnetpool_id?: string | null;
                tenant_id?: string;
                use_default_subnetpool?: boolean;
            };
        };
        NetworkRemoveRouterInterfaceBody: {
            port_id?: string;
            subnet_id?: string;
        };
        /** UpdateFloatingIp */
        NetworkUpdateFloatingIpBody: {
            floatingip: {
                description?: string;
                fixed_ip_address?: string | null;
                port_id?: string | null;
            };
        };
        /** UpdateQuota */
        NetworkUpdateQuotaBody: {
            quota: {
                check_limit?: boolean;
                floatingip?: number;
                force?: boolean;
                network?: number;
                port?: number;
                rbac_policy?: number;
                router?: number;
                security_group?: number;
                security_group_rule?: number;
                subnet?: number;
                subnetpool?: number;
            };
        };
        VolumeCreateSnapshotBody: {
            snapshot: {
                description?: string | null;
                display_description?: string | null;
                display_name?: string | null;
                force?: boolean | string;
                metadata?: null | {
                    [key: string]: string;
                };
                name?: string | null;
                volume_id: string | null;
            };
        };
        VolumeCreateVolumeBody: {
            volume: {
                availability_zone?: string | null;
                backup_id?: string | null;
                description?: string | null;
                display_description?: string | null;
                display_name?: string | null;
                group_id?: string | null;
                imageRef?: string | null;
                metadata?: null | {
                    [key: string]: string;
                };
                multiattach?: boolean | null;
                name?: string | null;
                size?: number | string | null;
                snapshot_id?: string | null;
                source_volid?: string | null;
                volume_type?: string | null;
            };
        };
        /** ExtendVolume */
        VolumeExtendVolumeBody: {
            "os-extend": {
                new_size: number | string;
            };
        };
        VolumeUpdateVolumeQuotasBody: {
            quota_set: {
                [key: string]: unknown;
            };
        };
        /** LogInByAccount */
        ZstackLogInByAccountBody: {
            logInByAccount: {
                accountName: string;
                accountType?: string;
                captchaUuid?: string;
                clientInfo?: unknown;
                password: string;
                systemTags?: string[];
                userTags?: string[];
                verifyCode?: string;
            };
        };
    };
    responses: never;
    parameters: never;
    requestBodies: never;
    headers: never;
    pathItems: never;
}
export type ComputeAttachVolumeBody = components['schemas']['ComputeAttachVolumeBody'];
export type ComputeConfirmResizeBody = components['schemas']['ComputeConfirmResizeBody'];
export type ComputeCreateFlavorBody = components['schemas']['ComputeCreateFlavorBody'];
export type ComputeCreateKeypairBody = components['schemas']['ComputeCreateKeypairBody'];
export type ComputeCreateRemoteConsoleBody = components['schemas']['ComputeCreateRemoteConsoleBody'];
export type ComputeCreateServerBody = components['schemas']['ComputeCreateServerBody'];
export type ComputeCreateServerGroupBody = components['schemas']['ComputeCreateServerGroupBody'];
export type ComputeCreateServerImageBody = components['schemas']['ComputeCreateServerImageBody'];
export type ComputeGetConsoleOutputBody = components['schemas']['ComputeGetConsoleOutputBody'];
export type ComputeLiveMigrateServerBody = components['schemas']['ComputeLiveMigrateServerBody'];
export type ComputeLockServerBody = components['schemas']['ComputeLockServerBody'];
export type ComputeMigrateServerBody = components['schemas']['ComputeMigrateServerBody'];
export type ComputePauseServerBody = components['schemas']['ComputePauseServerBody'];
export type ComputeRebootServerBody = components['schemas']['ComputeRebootServerBody'];
export type ComputeRebuildServerBody = components['schemas']['ComputeRebuildServerBody'];
export type ComputeRescueServerBody = components['schemas']['ComputeRescueServerBody'];
export type ComputeResizeServerBody = components['schemas']['ComputeResizeServerBody'];
export type ComputeResumeServerBody = components['schemas']['ComputeResumeServerBody'];
export type ComputeRevertResizeBody = components['schemas']['ComputeRevertResizeBody'];
export type ComputeShelveServerBody = components['schemas']['ComputeShelveServerBody'];
export type ComputeStartServerBody = components['schemas']['ComputeStartServerBody'];
export type ComputeStopServerBody = components['schemas']['ComputeStopServerBody'];
export type ComputeSuspendServerBody = components['schemas']['ComputeSuspendServerBody'];
export type ComputeUnlockServerBody = components['schemas']['ComputeUnlockServerBody'];
export type ComputeUnpauseServerBody = components['schemas']['ComputeUnpauseServerBody'];
export type ComputeUnrescueServerBody = components['schemas']['ComputeUnrescueServerBody'];
export type ComputeUnshelveServerBody = components['schemas']['ComputeUnshelveServerBody'];
export type ComputeUpdateHostBody = components['schemas']['ComputeUpdateHostBody'];
export type ComputeUpdateQuotaBody = components['schemas']['ComputeUpdateQuotaBody'];
export type ComputeUpdateServiceBody = components['schemas']['ComputeUpdateServiceBody'];
export type IdentityAuthenticateAndIssueTokenBody = components['schemas']['IdentityAuthenticateAndIssueTokenBody'];
export type IdentityCreateProjectBody = components['schemas']['IdentityCreateProjectBody'];
export type IdentityCreateRoleBody = components['schemas']['IdentityCreateRoleBody'];
export type IdentityCreateUserBody = components['schemas']['IdentityCreateUserBody'];
export type IdentityUpdateProjectBody = components['schemas']['IdentityUpdateProjectBody'];
export type IdentityUpdateUserBody = components['schemas']['IdentityUpdateUserBody'];
export type ImageCreateImageBody = components['schemas']['ImageCreateImageBody'];
export type ImageCreateImageMemberBody = components['schemas']['ImageCreateImageMemberBody'];
export type ImageUpdateImageBody = components['schemas']['ImageUpdateImageBody'];
export type ImageUpdateImageMemberBody = components['schemas']['ImageUpdateImageMemberBody'];
export type NativeAddFaultBody = components['schemas']['NativeAddFaultBody'];
export type NativeAddHostBody = components['schemas']['NativeAddHostBody'];
export type NativeBeginImageUploadBody = components['schemas']['NativeBeginImageUploadBody'];
export type NativeResyncImageCopiesBody = components['schemas']['NativeResyncImageCopiesBody'];
export type NativeUpdateImageStoreBody = components['schemas']['NativeUpdateImageStoreBody'];
export type NetworkAddRouterInterfaceBody = components['schemas']['NetworkAddRouterInterfaceBody'];
export type NetworkCreateFloatingIpBody = components['schemas']['NetworkCreateFloatingIpBody'];
export type NetworkCreateNetworkBody = components['schemas']['NetworkCreateNetworkBody'];
export type NetworkCreateRouterBody = components['schemas']['NetworkCreateRouterBody'];
export type NetworkCreateSecurityGroupBody = components['schemas']['NetworkCreateSecurityGroupBody'];
export type NetworkCreateSecurityGroupRuleBody = components['schemas']['NetworkCreateSecurityGroupRuleBody'];
export type NetworkCreateSubnetBody = components['schemas']['NetworkCreateSubnetBody'];
export type NetworkRemoveRouterInterfaceBody = components['schemas']['NetworkRemoveRouterInterfaceBody'];
export type NetworkUpdateFloatingIpBody = components['schemas']['NetworkUpdateFloatingIpBody'];
export type NetworkUpdateQuotaBody = components['schemas']['NetworkUpdateQuotaBody'];
export type VolumeCreateSnapshotBody = components['schemas']['VolumeCreateSnapshotBody'];
export type VolumeCreateVolumeBody = components['schemas']['VolumeCreateVolumeBody'];
export type VolumeExtendVolumeBody = components['schemas']['VolumeExtendVolumeBody'];
export type VolumeUpdateVolumeQuotasBody = components['schemas']['VolumeUpdateVolumeQuotasBody'];
export type ZstackLogInByAccountBody = components['schemas']['ZstackLogInByAccountBody'];
export type $defs = Record<string, never>;
export type operations = Record<string, never>;
