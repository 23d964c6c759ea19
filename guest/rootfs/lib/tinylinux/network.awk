# Reads a flattened network_data.json (see json.awk) and prints what is to be done, one thing per line:
#   link MAC MTU | address MAC ADDRESS/PREFIX | dhcp MAC | route MAC NETWORK/PREFIX GATEWAY | dns ADDRESS

BEGIN {
  FS = "\t"
  partial["8"] = 1; partial["c"] = 2; partial["e"] = 3
}

{ is[$1] = $2 }

END {
  for (l = 0; ("links." l ".id") in is; l++) {
    mac[is["links." l ".id"]] = tolower(is["links." l ".ethernet_mac_address"])
    mtu = is["links." l ".mtu"]
    print "link", mac[is["links." l ".id"]], mtu ~ /^[0-9]+$/ ? mtu : 1500
  }
  for (n = 0; ("networks." n ".type") in is; n++) network("networks." n)
  services("services")
}

function network(at,  r, device, type) {
  device = mac[is[at ".link"]]
  type = is[at ".type"]
  if (type == "ipv4_dhcp") print "dhcp", device
  if (type == "ipv4" || type == "ipv6") {
    print "address", device, with_prefix(is[at ".ip_address"], is[at ".netmask"])
    for (r = 0; (at ".routes." r ".gateway") in is; r++) {
      print "route", device, with_prefix(is[at ".routes." r ".network"], is[at ".routes." r ".netmask"]), is[at ".routes." r ".gateway"]
    }
  }
  services(at ".services")
}

function services(at,  s) {
  for (s = 0; (at "." s ".type") in is; s++) {
    if (is[at "." s ".type"] == "dns" && !seen[is[at "." s ".address"]]++) print "dns", is[at "." s ".address"]
  }
}

# An address with the length of its netmask: 10.0.0.5 and 255.255.255.0 give 10.0.0.5/24, fd00:: and ffff:: give fd00::/16.
function with_prefix(address, netmask,  groups, count, i, bits) {
  if (address ~ /\//) return address
  if (netmask !~ /[.:]/) return address "/" (netmask == "" ? 32 : netmask)
  count = split(tolower(netmask), groups, /[.:]/)
  for (i = 1; i <= count; i++) bits += netmask ~ /:/ ? 4 * gsub(/f/, "", groups[i]) + partial[substr(groups[i], 1, 1)] : octet(groups[i])
  return address "/" bits + 0
}

function octet(value,  bits) {
  for (; value > 0; value = value * 2 % 256) bits++
  return bits + 0
}
