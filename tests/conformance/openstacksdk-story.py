"""A user's story with openstacksdk: its cloud layer, which looks things up by name, and its proxies, which negotiate versions."""

import openstack

cloud = openstack.connect()


def step(name, holds=True):
    if not holds:
        raise SystemExit(f'FAILED {name}')
    print('ok', name)


step('services', {'compute', 'image', 'network'} <= {one.type for one in cloud.identity.services()})
step('newest compute', cloud.compute.get_endpoint_data().max_microversion == (2, 96))

image = cloud.create_image('sdk', data=b'\x07' * (1 << 20), disk_format='raw', container_format='bare', wait=True)
step('image', cloud.image.get_image(image.id).status == 'active')
step('find it by its name', cloud.image.find_image('sdk').id == image.id)
step('no such image', cloud.image.find_image('nothing') is None)

network = cloud.network.create_network(name='sdk')
subnet = cloud.network.create_subnet(network_id=network.id, ip_version=4, cidr='10.9.0.0/24')
group = cloud.network.create_security_group(name='sdk')
cloud.network.create_security_group_rule(security_group_id=group.id, direction='ingress', protocol='tcp', ethertype='IPv4')
step('network', cloud.network.find_network('sdk').subnet_ids == [subnet.id])

key = cloud.compute.create_keypair(name='sdk')
flavor = cloud.compute.find_flavor('m1.nano')
server = cloud.create_server(
    'sdk', image=image, flavor=flavor, network=network, key_name='sdk', security_groups=['sdk'], auto_ip=False, wait=True,
    meta={'role': 'story'}, tags=['blue'],
)
step('server', server.status == 'ACTIVE')
server = cloud.compute.get_server(server.id)
step('its flavor is told', server.flavor.original_name == 'm1.nano' and server.flavor.vcpus > 0)
step('its tags', server.tags == ['blue'])
step('its metadata', server.metadata == {'role': 'story'})
step('its addresses', [one['version'] for one in server.addresses['sdk']] == [4])
step('list', [one.name for one in cloud.compute.servers(tags='blue')] == ['sdk'])
cloud.compute.reboot_server(server, 'HARD')
cloud.compute.wait_for_server(server)
actions = {one.action for one in cloud.compute.server_actions(server)}
step('what happened', {'create', 'reboot'} <= actions)
step('interfaces', len(list(cloud.compute.server_interfaces(server))) == 1)

volume = cloud.create_volume(1, name='sdk', wait=True)
cloud.attach_volume(server, volume, wait=True)
attachment = next(cloud.compute.volume_attachments(server))
step('attachment', attachment.volume_id == volume.id and attachment.delete_on_termination is False)
cloud.detach_volume(server, volume, wait=True)
snapshot = cloud.create_volume_snapshot(volume.id, name='sdk', wait=True)
step('snapshot', snapshot.status == 'available')
cloud.delete_volume_snapshot(snapshot.id, wait=True)
cloud.delete_volume(volume.id, wait=True)

cloud.compute.create_server_group(name='sdk', policy='affinity')
step('server group', cloud.compute.find_server_group('sdk').policy == 'affinity')
cloud.compute.delete_server_group(cloud.compute.find_server_group('sdk'))
step('hypervisors', all(one.uptime for one in cloud.compute.hypervisors(details=True)))
step('inventories', all(list(cloud.placement.resource_provider_inventories(one)) for one in cloud.placement.resource_providers()))
step('limits', cloud.compute.get_limits().absolute.total_cores != 0)

cloud.delete_server(server.id, wait=True)
step('it is gone', cloud.compute.find_server('sdk') is None)
cloud.compute.delete_keypair(key)
cloud.network.delete_network(network)
cloud.network.delete_security_group(group)
cloud.delete_image(image.id, wait=True)
print('all of it')
