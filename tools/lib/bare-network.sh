# Sourced by bare-machine.sh: a network namespace with one link to this machine, which translates its addresses.

# addresses NAME : sets `network`, `here` and `there`, a network of two addresses that follows from the process id.
addresses() {
  local place=$(((${1#bare} % 16384) * 4))
  network=10.213.$((place / 256)).$((place % 256))/30
  here=10.213.$((place / 256)).$((place % 256 + 1))
  there=10.213.$((place / 256)).$((place % 256 + 2))
}

make_network() {
  local network here there device mtu
  addresses "$1"
  device=$(ip -o route get 192.0.2.1 | sed -n 's/.* dev \([^ ]*\).*/\1/p')
  mtu=$(cat "/sys/class/net/${device:-lo}/mtu")
  ip netns add "$1"
  ip link add "$1" mtu "$mtu" type veth peer name eth0 mtu "$mtu" netns "$1"
  ip addr add "$here/30" dev "$1"
  ip link set "$1" up
  ip -n "$1" link set lo up
  ip -n "$1" addr add "$there/30" dev eth0
  ip -n "$1" link set eth0 up
  ip -n "$1" route add default via "$here"
  was_forwarding=$(cat /proc/sys/net/ipv4/ip_forward)
  echo 1 > /proc/sys/net/ipv4/ip_forward
  rules -I "$network"
  cp -L /etc/resolv.conf "$2/etc/resolv.conf"
}

# rules -I|-D NETWORK : lets the network out, whatever the engine of this machine forbids to be forwarded.
rules() {
  iptables -w "$1" FORWARD -s "$2" -j ACCEPT
  iptables -w "$1" FORWARD -d "$2" -j ACCEPT
  iptables -w -t nat "$1" POSTROUTING -s "$2" -j MASQUERADE
}

received_mebibytes() { echo $(($(cat "/sys/class/net/$1/statistics/tx_bytes") / 1048576)); }

remove_network() {
  local network here there
  addresses "$1"
  [ -e "/run/netns/$1" ] || return 0
  rules -D "$network" 2>/dev/null || true
  echo "${was_forwarding:-1}" > /proc/sys/net/ipv4/ip_forward
  # The link goes now; the namespace would keep it as long as anything runs there.
  ip link del "$1" 2>/dev/null || true
  ip netns del "$1"
}
