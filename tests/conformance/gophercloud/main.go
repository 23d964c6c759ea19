// A user's story with Gophercloud, the library of Terraform, Packer and Kubernetes' cloud provider: everything that a small
// service needs is made, looked at and taken away again. It prints a line for each step and ends with 1 at the first that fails.
package main

import (
	"context"
	"fmt"
	"os"
	"strings"
	"time"

	"github.com/gophercloud/gophercloud/v2"
	"github.com/gophercloud/gophercloud/v2/openstack"
	"github.com/gophercloud/gophercloud/v2/openstack/blockstorage/v3/snapshots"
	"github.com/gophercloud/gophercloud/v2/openstack/blockstorage/v3/volumes"
	"github.com/gophercloud/gophercloud/v2/openstack/compute/v2/flavors"
	"github.com/gophercloud/gophercloud/v2/openstack/compute/v2/instanceactions"
	"github.com/gophercloud/gophercloud/v2/openstack/compute/v2/keypairs"
	"github.com/gophercloud/gophercloud/v2/openstack/compute/v2/servergroups"
	"github.com/gophercloud/gophercloud/v2/openstack/compute/v2/servers"
	"github.com/gophercloud/gophercloud/v2/openstack/compute/v2/tags"
	"github.com/gophercloud/gophercloud/v2/openstack/compute/v2/volumeattach"
	"github.com/gophercloud/gophercloud/v2/openstack/config"
	"github.com/gophercloud/gophercloud/v2/openstack/identity/v3/applicationcredentials"
	"github.com/gophercloud/gophercloud/v2/openstack/identity/v3/projects"
	"github.com/gophercloud/gophercloud/v2/openstack/identity/v3/tokens"
	"github.com/gophercloud/gophercloud/v2/openstack/image/v2/imagedata"
	"github.com/gophercloud/gophercloud/v2/openstack/image/v2/images"
	"github.com/gophercloud/gophercloud/v2/openstack/networking/v2/extensions/layer3/floatingips"
	"github.com/gophercloud/gophercloud/v2/openstack/networking/v2/extensions/layer3/routers"
	"github.com/gophercloud/gophercloud/v2/openstack/networking/v2/extensions/security/groups"
	"github.com/gophercloud/gophercloud/v2/openstack/networking/v2/extensions/security/rules"
	"github.com/gophercloud/gophercloud/v2/openstack/networking/v2/networks"
	"github.com/gophercloud/gophercloud/v2/openstack/networking/v2/ports"
	"github.com/gophercloud/gophercloud/v2/openstack/networking/v2/subnets"
)

var ctx context.Context

func step(name string, err error) {
	if err != nil {
		fmt.Printf("FAILED %s: %v\n", name, err)
		os.Exit(1)
	}
	fmt.Printf("ok %s\n", name)
}

func check(name string, holds bool, seen any) {
	var err error
	if !holds {
		err = fmt.Errorf("saw %+v", seen)
	}
	step(name, err)
}

// Waits until a thing is as wanted, or gone where an error of 404 is wanted.
func until(name string, isSo func() (bool, error)) {
	for {
		done, err := isSo()
		if err != nil || done {
			step(name, err)
			return
		}
		select {
		case <-ctx.Done():
			step(name, ctx.Err())
		case <-time.After(100 * time.Millisecond):
		}
	}
}

func gone(err error) (bool, error) {
	if gophercloud.ResponseCodeIs(err, 404) {
		return true, nil
	}
	return false, err
}

func main() {
	limited, cancel := context.WithTimeout(context.Background(), 5*time.Minute)
	defer cancel()
	ctx = limited

	options, err := openstack.AuthOptionsFromEnv()
	step("options from the environment", err)
	options.AllowReauth = true
	provider, err := config.NewProviderClient(ctx, options)
	step("sign in", err)
	region := gophercloud.EndpointOpts{Region: os.Getenv("OS_REGION_NAME")}

	identity, err := openstack.NewIdentityV3(provider, region)
	step("find identity", err)
	compute, err := openstack.NewComputeV2(provider, region)
	step("find compute", err)
	image, err := openstack.NewImageV2(provider, region)
	step("find image", err)
	network, err := openstack.NewNetworkV2(provider, region)
	step("find network", err)
	block, err := openstack.NewBlockStorageV3(provider, region)
	step("find block storage", err)

	who := tokens.Get(ctx, identity, provider.Token())
	user, err := who.ExtractUser()
	step("whose token it is", err)
	token, err := who.ExtractToken()
	step("when it ends", err)
	check("it ends in the future", token.ExpiresAt.After(time.Now()), token)
	credential, err := applicationcredentials.Create(ctx, identity, user.ID, applicationcredentials.CreateOpts{Name: "go"}).Extract()
	step("make an application credential", err)
	_, err = openstack.AuthenticatedClient(ctx, gophercloud.AuthOptions{
		IdentityEndpoint:            options.IdentityEndpoint,
		ApplicationCredentialID:     credential.ID,
		ApplicationCredentialSecret: credential.Secret,
	})
	step("sign in with it", err)
	step("delete it", applicationcredentials.Delete(ctx, identity, user.ID, credential.ID).ExtractErr())
	pages, err := projects.List(identity, projects.ListOpts{Name: "admin"}).AllPages(ctx)
	step("list projects", err)
	named, err := projects.ExtractProjects(pages)
	check("find one by its name", err == nil && len(named) == 1, named)

	visibility := images.ImageVisibilityPrivate
	disk, err := images.Create(ctx, image, images.CreateOpts{
		Name: "go", ContainerFormat: "bare", DiskFormat: "raw", Visibility: &visibility, Tags: []string{"story"},
	}).Extract()
	step("make an image", err)
	step("upload it", imagedata.Upload(ctx, image, disk.ID, strings.NewReader(strings.Repeat("\x07", 1<<20))).ExtractErr())
	disk, err = images.Get(ctx, image, disk.ID).Extract()
	check("it is active", err == nil && disk.Status == images.ImageStatusActive, disk)
	_, err = images.Update(ctx, image, disk.ID, images.UpdateOpts{images.ReplaceImageName{NewName: "gopher"}}).Extract()
	step("rename it", err)

	inside, err := networks.Create(ctx, network, networks.CreateOpts{Name: "go"}).Extract()
	step("make a network", err)
	subnet, err := subnets.Create(ctx, network, subnets.CreateOpts{NetworkID: inside.ID, IPVersion: 4, CIDR: "10.55.0.0/24"}).Extract()
	step("make a subnet", err)
	group, err := groups.Create(ctx, network, groups.CreateOpts{Name: "go"}).Extract()
	step("make a security group", err)
	_, err = rules.Create(ctx, network, rules.CreateOpts{
		Direction: rules.DirIngress, EtherType: rules.EtherType4, SecGroupID: group.ID, Protocol: rules.ProtocolTCP,
		PortRangeMin: 22, PortRangeMax: 22, RemoteIPPrefix: "0.0.0.0/0",
	}).Extract()
	step("add a rule", err)
	port, err := ports.Create(ctx, network, ports.CreateOpts{NetworkID: inside.ID, SecurityGroups: &[]string{group.ID}}).Extract()
	step("make a port", err)

	sizes, err := flavors.ListDetail(compute, nil).AllPages(ctx)
	step("list flavors", err)
	known, err := flavors.ExtractFlavors(sizes)
	check("read them", err == nil && len(known) > 0, known)
	pair, err := keypairs.Create(ctx, compute, keypairs.CreateOpts{Name: "go"}).Extract()
	check("make a key pair", err == nil && strings.Contains(pair.PrivateKey, "PRIVATE KEY"), err)
	flock, err := servergroups.Create(ctx, compute, servergroups.CreateOpts{Name: "go", Policies: []string{"affinity"}}).Extract()
	step("make a server group", err)
	server, err := servers.Create(ctx, compute, keypairs.CreateOptsExt{
		CreateOptsBuilder: servers.CreateOpts{
			Name: "go", ImageRef: disk.ID, FlavorRef: os.Getenv("FLAVOR_ID"), Metadata: map[string]string{"role": "story"},
			Networks: []servers.Network{{Port: port.ID}},
		},
		KeyName: "go",
	}, servers.SchedulerHintOpts{Group: flock.ID}).Extract()
	step("create a server", err)
	step("it becomes active", servers.WaitForStatus(ctx, compute, server.ID, "ACTIVE"))
	server, err = servers.Get(ctx, compute, server.ID).Extract()
	check("show it", err == nil && server.KeyName == "go" && server.Metadata["role"] == "story", server)
	_, err = servers.Update(ctx, compute, server.ID, servers.UpdateOpts{Name: "gopher"}).Extract()
	step("rename it", err)
	step("reboot it", servers.Reboot(ctx, compute, server.ID, servers.RebootOpts{Type: servers.HardReboot}).ExtractErr())
	step("it is active again", servers.WaitForStatus(ctx, compute, server.ID, "ACTIVE"))
	newer := *compute
	newer.Microversion = "2.79"
	done, err := instanceactions.List(&newer, server.ID, nil).AllPages(ctx)
	step("list its actions", err)
	deeds, err := instanceactions.ExtractInstanceActions(done)
	check("two of them", err == nil && len(deeds) >= 2, deeds)
	_, err = tags.ReplaceAll(ctx, &newer, server.ID, tags.ReplaceAllOpts{Tags: []string{"blue"}}).Extract()
	step("tag it", err)

	volume, err := volumes.Create(ctx, block, volumes.CreateOpts{Name: "go", Size: 1}, nil).Extract()
	step("make a volume", err)
	step("it becomes available", volumes.WaitForStatus(ctx, block, volume.ID, "available"))
	_, err = volumeattach.Create(ctx, compute, server.ID, volumeattach.CreateOpts{VolumeID: volume.ID}).Extract()
	step("attach it", err)
	step("it is in use", volumes.WaitForStatus(ctx, block, volume.ID, "in-use"))
	step("detach it", volumeattach.Delete(ctx, compute, server.ID, volume.ID).ExtractErr())
	step("it is available again", volumes.WaitForStatus(ctx, block, volume.ID, "available"))
	snapshot, err := snapshots.Create(ctx, block, snapshots.CreateOpts{VolumeID: volume.ID, Name: "go"}).Extract()
	step("make a snapshot of it", err)
	step("the snapshot becomes available", snapshots.WaitForStatus(ctx, block, snapshot.ID, "available"))
	step("delete the snapshot", snapshots.Delete(ctx, block, snapshot.ID).ExtractErr())
	until("the snapshot is gone", func() (bool, error) { return gone(snapshots.Get(ctx, block, snapshot.ID).Err) })
	step("delete the volume", volumes.Delete(ctx, block, volume.ID, nil).ExtractErr())
	until("the volume is gone", func() (bool, error) { return gone(volumes.Get(ctx, block, volume.ID).Err) })

	if outside := os.Getenv("PUBLIC_NETWORK_ID"); outside != "" {
		router, err := routers.Create(ctx, network, routers.CreateOpts{Name: "go", GatewayInfo: &routers.GatewayInfo{NetworkID: outside}}).Extract()
		step("make a router", err)
		_, err = routers.AddInterface(ctx, network, router.ID, routers.AddInterfaceOpts{SubnetID: subnet.ID}).Extract()
		step("join the subnet to it", err)
		floating, err := floatingips.Create(ctx, network, floatingips.CreateOpts{FloatingNetworkID: outside, PortID: port.ID}).Extract()
		check("give the server a floating IP", err == nil && floating.FixedIP != "", err)
		step("take it back", floatingips.Delete(ctx, network, floating.ID).ExtractErr())
		_, err = routers.RemoveInterface(ctx, network, router.ID, routers.RemoveInterfaceOpts{SubnetID: subnet.ID}).Extract()
		step("part them", err)
		step("delete the router", routers.Delete(ctx, network, router.ID).ExtractErr())
	}

	step("delete the server", servers.Delete(ctx, compute, server.ID).ExtractErr())
	until("the server is gone", func() (bool, error) { return gone(servers.Get(ctx, compute, server.ID).Err) })
	step("delete the server group", servergroups.Delete(ctx, compute, flock.ID).ExtractErr())
	step("delete the key pair", keypairs.Delete(ctx, compute, "go", nil).ExtractErr())
	step("delete the port", ports.Delete(ctx, network, port.ID).ExtractErr())
	step("delete the security group", groups.Delete(ctx, network, group.ID).ExtractErr())
	step("delete the network", networks.Delete(ctx, network, inside.ID).ExtractErr())
	step("delete the image", images.Delete(ctx, image, disk.ID).ExtractErr())
	err = images.Get(ctx, image, disk.ID).Err
	check("the image is not found", gophercloud.ResponseCodeIs(err, 404), err)
	fmt.Println("all of it")
}
