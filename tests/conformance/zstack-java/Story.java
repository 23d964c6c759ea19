import java.lang.reflect.Field;
import java.lang.reflect.InvocationTargetException;
import java.lang.reflect.Modifier;
import java.math.BigInteger;
import java.net.URI;
import java.security.MessageDigest;
import java.util.Collection;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import java.util.function.Consumer;
import org.zstack.sdk.*;

/**
 * A server with everything around it, made, asked after and taken away again with ZStack's Java SDK: once with a session and
 * calls that wait, once with an access key and callbacks. Prints a line for each call: its name, a tab, and what is wrong
 * about it, which ends the story.
 *
 * <p>Run as one source file, with the SDK on the class path: {@code java -cp sdk.jar Story.java <origin> <image URL>}, the
 * administrator's password in {@code UNKAI_PASSWORD}.
 */
public final class Story {
    private static final long GIBIBYTE = 1L << 30;

    private final String imageUrl;
    private final Map<String, String> credentials;
    private final boolean callbacks;

    private Story(String imageUrl, Map<String, String> credentials, boolean callbacks) {
        this.imageUrl = imageUrl;
        this.credentials = credentials;
        this.callbacks = callbacks;
    }

    public static void main(String[] args) throws Exception {
        URI origin = URI.create(args[0]);
        ZSClient.configure(new ZSConfig.Builder()
            .setHostname(origin.getHost()).setPort(origin.getPort()).setContextPath("zstack")
            .setDefaultPollingInterval(100, TimeUnit.MILLISECONDS).setDefaultPollingTimeout(5, TimeUnit.MINUTES).build());
        try {
            withSession(args[1]);
        } catch (Wrong wrong) {
            System.out.println(wrong.call + "\t" + wrong.getMessage().replaceAll("\\s+", " "));
        }
        // The timers of the SDK would keep the process.
        System.exit(0);
    }

    private static void withSession(String imageUrl) throws Exception {
        Story nobody = new Story(imageUrl, Map.of(), false);
        LogInByAccountAction logIn = with(new LogInByAccountAction(), a -> a.accountName = "admin");
        logIn.password = "wrong";
        nobody.refused(logIn, "ID.1000");
        byte[] digest = MessageDigest.getInstance("SHA-512").digest(System.getenv("UNKAI_PASSWORD").getBytes("UTF-8"));
        logIn.password = String.format("%0128x", new BigInteger(1, digest));
        SessionInventory session = nobody.call(logIn, LogInResult.class).inventory;

        Story story = new Story(imageUrl, Map.of("sessionId", session.uuid), false);
        story.tell();
        CreateAccessKeyAction create = new CreateAccessKeyAction();
        create.accountUuid = session.accountUuid;
        create.userUuid = session.userUuid;
        AccessKeyInventory key = story.call(create, CreateAccessKeyResult.class).inventory;
        new Story(imageUrl, Map.of("accessKeyId", key.AccessKeyID, "accessKeySecret", key.AccessKeySecret), true).tell();
        story.call(with(new DeleteAccessKeyAction(), a -> a.uuid = key.uuid), DeleteAccessKeyResult.class);

        LogOutAction logOut = with(new LogOutAction(), a -> a.sessionUuid = session.uuid);
        nobody.call(logOut, LogOutResult.class);
        story.refused(with(new QueryZoneAction(), a -> a.limit = 1), "ID.1001");
    }

    private void tell() {
        String zone = first(call(with(new QueryZoneAction(), a -> a.limit = 1), QueryZoneResult.class).inventories, ZoneInventory.class).uuid;
        String cluster = first(call(with(new QueryClusterAction(), a -> a.limit = 1), QueryClusterResult.class).inventories, ClusterInventory.class).uuid;
        QueryHostAction hosts = with(new QueryHostAction(), a -> a.replyWithCount = true);
        hosts.sortBy = "name";
        hosts.sortDirection = "desc";
        QueryHostResult hostResult = call(hosts, QueryHostResult.class);
        expect("QueryHost", "total", (long) hostResult.inventories.size(), hostResult.total);
        first(hostResult.inventories, KVMHostInventory.class);
        call(new QueryPrimaryStorageAction(), QueryPrimaryStorageResult.class);
        QueryBackupStorageAction stores = with(new QueryBackupStorageAction(), a -> a.conditions = List.of("state=Enabled"));
        stores.limit = 1;
        String store = first(call(stores, QueryBackupStorageResult.class).inventories, BackupStorageInventory.class).uuid;
        call(with(new GetCpuMemoryCapacityAction(), a -> a.zoneUuids = List.of(zone)), GetCpuMemoryCapacityResult.class);

        AddImageAction add = with(new AddImageAction(), a -> a.name = "java");
        add.url = imageUrl;
        add.format = "qcow2";
        add.backupStorageUuids = List.of("0123456789abcdef0123456789abcdef");
        refused(add, "SYS.1003");
        add.backupStorageUuids = List.of(store);
        ImageInventory image = call(add, AddImageResult.class).inventory;
        expect("AddImage", "status", "Ready", image.status);
        expect("AddImage", "the store of its copy", store, first(image.backupStorageRefs, ImageBackupStorageRefInventory.class).backupStorageUuid);

        CreateL2VlanNetworkAction wire = with(new CreateL2VlanNetworkAction(), a -> a.name = "java");
        wire.zoneUuid = zone;
        wire.physicalInterface = "eth0";
        wire.vlan = callbacks ? 301 : 300;
        L2VlanNetworkInventory l2 = (L2VlanNetworkInventory) call(wire, CreateL2VlanNetworkResult.class).inventory;
        expect("CreateL2VlanNetwork", "vlan", wire.vlan, l2.vlan);
        AttachL2NetworkToClusterAction toCluster = with(new AttachL2NetworkToClusterAction(), a -> a.l2NetworkUuid = l2.uuid);
        toCluster.clusterUuid = cluster;
        call(toCluster, AttachL2NetworkToClusterResult.class);
        CreateL3NetworkAction createL3 = with(new CreateL3NetworkAction(), a -> a.name = "java");
        createL3.l2NetworkUuid = l2.uuid;
        String l3 = call(createL3, CreateL3NetworkResult.class).inventory.uuid;
        AddIpRangeAction range = with(new AddIpRangeAction(), a -> a.name = "java");
        range.l3NetworkUuid = l3;
        range.startIp = "10.99.0.10";
        range.endIp = "10.99.0.90";
        range.netmask = "255.255.255.0";
        range.gateway = "10.99.0.1";
        String rangeUuid = call(range, AddIpRangeResult.class).inventory.uuid;
        AddDnsToL3NetworkAction dns = with(new AddDnsToL3NetworkAction(), a -> a.l3NetworkUuid = l3);
        dns.dns = "10.99.0.2";
        call(dns, AddDnsToL3NetworkResult.class);
        GetIpAddressCapacityAction capacity = with(new GetIpAddressCapacityAction(), a -> a.l3NetworkUuids = List.of(l3));
        expect("GetIpAddressCapacity", "totalCapacity", 81L, call(capacity, GetIpAddressCapacityResult.class).totalCapacity);

        CreateInstanceOfferingAction size = with(new CreateInstanceOfferingAction(), a -> a.name = "java-" + System.nanoTime());
        size.cpuNum = 1;
        size.memorySize = 128L << 20;
        InstanceOfferingInventory offering = call(size, CreateInstanceOfferingResult.class).inventory;
        CreateDiskOfferingAction disk = with(new CreateDiskOfferingAction(), a -> a.name = "java-" + System.nanoTime());
        disk.diskSize = GIBIBYTE;
        String diskOffering = call(disk, CreateDiskOfferingResult.class).inventory.uuid;
        GetCandidateZonesClustersHostsForCreatingVmAction candidates = new GetCandidateZonesClustersHostsForCreatingVmAction();
        candidates.instanceOfferingUuid = offering.uuid;
        candidates.imageUuid = image.uuid;
        candidates.l3NetworkUuids = List.of(l3);
        first(call(candidates, GetCandidateZonesClustersHostsForCreatingVmResult.class).hosts, HostInventory.class);

        CreateVmInstanceAction create = with(new CreateVmInstanceAction(), a -> a.name = "java");
        create.instanceOfferingUuid = offering.uuid;
        create.imageUuid = image.uuid;
        create.l3NetworkUuids = List.of(l3);
        create.rootDiskSize = GIBIBYTE;
        create.systemTags = List.of("hostname::java");
        VmInstanceInventory vm = call(create, CreateVmInstanceResult.class).inventory;
        expect("CreateVmInstance", "state", "Running", vm.state);
        VmNicInventory nic = first(vm.vmNics, VmNicInventory.class);
        expect("CreateVmInstance", "its address's range", rangeUuid, first(nic.usedIps, UsedIpInventory.class).ipRangeUuid);
        VolumeInventory root = first(vm.allVolumes, VolumeInventory.class);
        expect("CreateVmInstance", "its root volume", vm.rootVolumeUuid, root.uuid);
        UpdateVmInstanceAction rename = with(new UpdateVmInstanceAction(), a -> a.uuid = vm.uuid);
        rename.name = "java-1";
        expect("UpdateVmInstance", "name", "java-1", call(rename, UpdateVmInstanceResult.class).inventory.name);

        CreateDataVolumeAction createVolume = with(new CreateDataVolumeAction(), a -> a.name = "java");
        createVolume.diskOfferingUuid = diskOffering;
        String volume = call(createVolume, CreateDataVolumeResult.class).inventory.uuid;
        first(call(with(new GetVmAttachableDataVolumeAction(), a -> a.vmInstanceUuid = vm.uuid), GetVmAttachableDataVolumeResult.class).inventories, VolumeInventory.class);
        AttachDataVolumeToVmAction attach = with(new AttachDataVolumeToVmAction(), a -> a.volumeUuid = volume);
        attach.vmInstanceUuid = vm.uuid;
        expect("AttachDataVolumeToVm", "its server", vm.uuid, call(attach, AttachDataVolumeToVmResult.class).inventory.vmInstanceUuid);
        refused(attach, "SYS.1006");
        CreateVolumeSnapshotAction snapshot = with(new CreateVolumeSnapshotAction(), a -> a.name = "java");
        snapshot.volumeUuid = volume;
        String taken = call(snapshot, CreateVolumeSnapshotResult.class).inventory.uuid;
        call(with(new QueryVolumeSnapshotTreeAction(), a -> a.conditions = List.of("volumeUuid=" + volume)), QueryVolumeSnapshotTreeResult.class);

        CreateSecurityGroupAction createGroup = with(new CreateSecurityGroupAction(), a -> a.name = "java");
        String group = call(createGroup, CreateSecurityGroupResult.class).inventory.uuid;
        AddSecurityGroupRuleAction rules = with(new AddSecurityGroupRuleAction(), a -> a.securityGroupUuid = group);
        rules.rules = List.of(Map.of("type", "Ingress", "protocol", "TCP", "startPort", 22, "endPort", 22, "allowedCidr", "10.0.0.0/8"));
        SecurityGroupInventory ruled = call(rules, AddSecurityGroupRuleResult.class).inventory;
        for (Object rule : ruled.rules) expect("AddSecurityGroupRule", "the group of its rules", group, ((SecurityGroupRuleInventory) rule).securityGroupUuid);
        AddVmNicToSecurityGroupAction member = with(new AddVmNicToSecurityGroupAction(), a -> a.securityGroupUuid = group);
        member.vmNicUuids = List.of(nic.uuid);
        call(member, AddVmNicToSecurityGroupResult.class);

        CreateUserTagAction tag = with(new CreateUserTagAction(), a -> a.resourceType = "VmInstanceVO");
        tag.resourceUuid = vm.uuid;
        tag.tag = "java, tagged";
        call(tag, CreateUserTagResult.class);
        QueryVmInstanceAction tagged = with(new QueryVmInstanceAction(), a -> a.conditions = List.of("__userTag__=java, tagged"));
        expect("QueryVmInstance", "uuid", vm.uuid, first(call(tagged, QueryVmInstanceResult.class).inventories, VmInstanceInventory.class).uuid);
        tagged.conditions = List.of("vmNics.ip=" + nic.ip, "name~=java%", "state?=Running,Stopped", "hostUuid not null", "allVolumes.size>=" + GIBIBYTE);
        expect("QueryVmInstance", "uuid", vm.uuid, first(call(tagged, QueryVmInstanceResult.class).inventories, VmInstanceInventory.class).uuid);
        tagged.conditions = List.of("nonsense=1");
        refused(tagged, "SYS.1000");
        String zql = "query vmInstance where uuid = '" + vm.uuid + "' and vmNics.l3Network.name = 'java'";
        List<?> results = call(with(new ZQLQueryAction(), a -> a.zql = zql), ZQLQueryResult.class).results;
        expect("ZQLQuery", "inventories", 1, first(results, ZQLQueryReturn.class).inventories.size());

        call(with(new GetVmCapabilitiesAction(), a -> a.uuid = vm.uuid), GetVmCapabilitiesResult.class);
        StopVmInstanceAction stop = with(new StopVmInstanceAction(), a -> a.uuid = vm.uuid);
        stop.type = "cold";
        expect("StopVmInstance", "state", "Stopped", call(stop, StopVmInstanceResult.class).inventory.state);
        call(with(new RevertVolumeFromSnapshotAction(), a -> a.uuid = taken), RevertVolumeFromSnapshotResult.class);
        DetachDataVolumeFromVmAction detach = with(new DetachDataVolumeFromVmAction(), a -> a.uuid = volume);
        detach.vmUuid = vm.uuid;
        call(detach, DetachDataVolumeFromVmResult.class);
        snapshot.volumeUuid = root.uuid;
        String built = call(snapshot, CreateVolumeSnapshotResult.class).inventory.uuid;
        CreateRootVolumeTemplateFromVolumeSnapshotAction template = new CreateRootVolumeTemplateFromVolumeSnapshotAction();
        template.snapshotUuid = built;
        template.name = "java-built";
        template.backupStorageUuids = List.of(store);
        String builtImage = call(template, CreateRootVolumeTemplateFromVolumeSnapshotResult.class).inventory.uuid;
        expect("StartVmInstance", "state", "Running", call(with(new StartVmInstanceAction(), a -> a.uuid = vm.uuid), StartVmInstanceResult.class).inventory.state);
        call(with(new RebootVmInstanceAction(), a -> a.uuid = vm.uuid), RebootVmInstanceResult.class);
        UpdateGlobalConfigAction config = with(new UpdateGlobalConfigAction(), a -> a.category = "vm");
        call(with(new QueryGlobalConfigAction(), a -> a.conditions = List.of("category=vm")), QueryGlobalConfigResult.class);
        config.name = "no.such.thing";
        config.value = "1";
        refused(config, "SYS.1007");

        SubmitLongJobAction job = with(new SubmitLongJobAction(), a -> a.jobName = "APIAddImageMsg");
        job.jobData = "{\"name\":\"java-long\",\"url\":\"" + imageUrl + "\",\"format\":\"qcow2\",\"backupStorageUuids\":[\"" + store + "\"]}";
        String jobUuid = call(job, SubmitLongJobResult.class).inventory.uuid;
        String longImage = imageOfJob(jobUuid);

        DeleteVmNicFromSecurityGroupAction leave = with(new DeleteVmNicFromSecurityGroupAction(), a -> a.securityGroupUuid = group);
        leave.vmNicUuids = List.of(nic.uuid);
        call(leave, DeleteVmNicFromSecurityGroupResult.class);
        call(with(new DeleteSecurityGroupAction(), a -> a.uuid = group), DeleteSecurityGroupResult.class);
        call(with(new DestroyVmInstanceAction(), a -> a.uuid = vm.uuid), DestroyVmInstanceResult.class);
        call(with(new ExpungeVmInstanceAction(), a -> a.uuid = vm.uuid), ExpungeVmInstanceResult.class);
        refused(with(new StartVmInstanceAction(), a -> a.uuid = vm.uuid), "SYS.1003");
        call(with(new DeleteDataVolumeAction(), a -> a.uuid = volume), DeleteDataVolumeResult.class);
        for (String one : List.of(builtImage, longImage, image.uuid)) {
            call(with(new DeleteImageAction(), a -> a.uuid = one), DeleteImageResult.class);
            call(with(new RecoverImageAction(), a -> a.imageUuid = one), RecoverImageResult.class);
            call(with(new DeleteImageAction(), a -> a.uuid = one), DeleteImageResult.class);
            call(with(new ExpungeImageAction(), a -> a.imageUuid = one), ExpungeImageResult.class);
        }
        call(with(new DeleteIpRangeAction(), a -> a.uuid = rangeUuid), DeleteIpRangeResult.class);
        call(with(new DeleteL3NetworkAction(), a -> a.uuid = l3), DeleteL3NetworkResult.class);
        call(with(new DeleteL2NetworkAction(), a -> a.uuid = l2.uuid), DeleteL2NetworkResult.class);
        call(with(new DeleteInstanceOfferingAction(), a -> a.uuid = offering.uuid), DeleteInstanceOfferingResult.class);
        call(with(new DeleteDiskOfferingAction(), a -> a.uuid = diskOffering), DeleteDiskOfferingResult.class);
    }

    /** The image that a long job has added, once it has ended. */
    private String imageOfJob(String uuid) {
        QueryLongJobAction query = with(new QueryLongJobAction(), a -> a.conditions = List.of("uuid=" + uuid));
        while (true) {
            LongJobInventory job = first(call(query, QueryLongJobResult.class).inventories, LongJobInventory.class);
            if (job.state == LongJobState.Succeeded) return job.targetResourceUuid;
            if (job.state == LongJobState.Failed) throw new Wrong("SubmitLongJob", job.jobResult);
        }
    }

    /** What the cloud answers. Throws where it refuses, or where the answer has members that the SDK could give no type. */
    private <Value> Value call(AbstractAction action, Class<Value> type) {
        String name = nameOf(action);
        Object result = resultOf(action);
        ErrorCode error = (ErrorCode) member(result, "error");
        if (error != null) throw new Wrong(name, error.code + " " + error.description + ": " + error.details);
        Object value = member(result, "value");
        String untyped = untypedMember(value, "the answer");
        if (untyped != null) throw new Wrong(name, "of no type: " + untyped);
        System.out.println(name + "\t");
        return type.cast(value);
    }

    private void refused(AbstractAction action, String code) {
        String name = nameOf(action) + ", refused";
        ErrorCode error = (ErrorCode) member(resultOf(action), "error");
        if (error == null) throw new Wrong(name, "was not refused");
        // Of what is refused at once the SDK keeps the text alone.
        boolean fits = isAtOnce(error) ? error.details.contains("\"code\":\"" + code + "\"") : code.equals(error.code);
        if (!fits) throw new Wrong(name, "with " + error.code + " " + error.description + ": " + error.details);
        if (error.description == null || error.details == null) throw new Wrong(name, "has no words");
        System.out.println(name + "\t");
    }

    private static boolean isAtOnce(ErrorCode error) {
        return "sdk.1000".equals(error.code) && error.details != null;
    }

    private Object resultOf(AbstractAction action) {
        try {
            for (Map.Entry<String, String> one : credentials.entrySet()) action.getClass().getField(one.getKey()).set(action, one.getValue());
            // The SDK calls back for jobs alone.
            if (!callbacks || !isJob(action)) return action.getClass().getMethod("call").invoke(action);
            CompletableFuture<Object> answer = new CompletableFuture<>();
            Completion<Object> completion = answer::complete;
            action.getClass().getMethod("call", Completion.class).invoke(action, completion);
            return answer.get(5, TimeUnit.MINUTES);
        } catch (InvocationTargetException e) {
            throw new Wrong(nameOf(action), String.valueOf(e.getCause()));
        } catch (Exception e) {
            throw new Wrong(nameOf(action), String.valueOf(e));
        }
    }

    private static boolean isJob(AbstractAction action) throws Exception {
        var restInfo = action.getClass().getDeclaredMethod("getRestInfo");
        restInfo.setAccessible(true);
        return ((RestInfo) restInfo.invoke(action)).needPoll;
    }

    /** Where a list has members that are plain maps: the answer did not say what they are. */
    private static String untypedMember(Object value, String path) {
        if (value instanceof Collection) {
            for (Object one : (Collection<?>) value) {
                String found = one instanceof Map ? path : untypedMember(one, path);
                if (found != null) return found;
            }
        }
        if (value == null || !value.getClass().getName().startsWith("org.zstack.") || value instanceof Enum) return null;
        // Of what ZQL finds the server tells no classes.
        if (value instanceof ZQLQueryReturn) return null;
        for (Field field : value.getClass().getFields()) {
            if (Modifier.isStatic(field.getModifiers())) continue;
            String found = untypedMember(member(value, field.getName()), path + "." + field.getName());
            if (found != null) return found;
        }
        return null;
    }

    private static Object member(Object of, String name) {
        try {
            return of.getClass().getField(name).get(of);
        } catch (ReflectiveOperationException e) {
            throw new IllegalStateException(e);
        }
    }

    private static void expect(String call, String what, Object wanted, Object found) {
        if (!Objects.equals(wanted, found)) throw new Wrong(call, what + " is " + found + ", not " + wanted);
    }

    private static <Element> Element first(List<?> list, Class<Element> type) {
        if (list == null || list.isEmpty()) throw new Wrong(type.getSimpleName(), "there is none");
        if (!type.isInstance(list.get(0))) throw new Wrong(type.getSimpleName(), "is a " + list.get(0).getClass().getSimpleName());
        return type.cast(list.get(0));
    }

    private static <Action> Action with(Action action, Consumer<Action> settings) {
        settings.accept(action);
        return action;
    }

    private static String nameOf(AbstractAction action) {
        return action.getClass().getSimpleName().replaceAll("Action$", "");
    }

    /** What a call came to that is not as it has to be. */
    private static final class Wrong extends RuntimeException {
        final String call;

        Wrong(String call, String message) {
            super(message);
            this.call = call;
        }
    }
}
