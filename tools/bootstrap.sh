# Shared by ./imagent and ./check (sourced, not run): Debian packages and the CMake build. Sets nothing but functions.

build_packages="g++ cmake ninja-build pkg-config libdnnl-dev nlohmann-json3-dev libcli11-dev libpng-dev libjpeg-dev libwebp-dev zlib1g-dev libutf8proc-dev libcurl4-openssl-dev libssl-dev libcpp-httplib-dev libsqlite3-dev"
check_packages="ccache libgtest-dev"
client_packages="nodejs npm"   # of the test hub_clients
clang_packages="clang-14 libclang-rt-14-dev"

say() { printf '%s\n' "$*" >&2; }

# Installs those of the given Debian packages that are missing, as root or by sudo.
install_packages() {
  local missing=() package
  for package in "$@"; do
    dpkg-query -W -f='${Status}' "$package" 2>/dev/null | grep -q ' installed$' || missing+=("$package")
  done
  [ ${#missing[@]} -eq 0 ] && return 0
  if ! command -v apt-get >/dev/null; then
    say "missing: ${missing[*]} (Debian package names); install them and start again"
    return 1
  fi
  local become=()
  if [ "$(id -u)" -ne 0 ]; then
    if ! command -v sudo >/dev/null; then
      say "missing Debian packages, to be installed as root: apt-get install ${missing[*]}"
      return 1
    fi
    become=(sudo)
  fi
  say "installing Debian packages: ${missing[*]}"
  local apt=("${become[@]}" env DEBIAN_FRONTEND=noninteractive apt-get -qq -y --no-install-recommends)
  "${apt[@]}" install "${missing[@]}" </dev/null >&2 && return 0
  say "once more, with fresh package lists"
  "${become[@]}" env DEBIAN_FRONTEND=noninteractive apt-get -qq update </dev/null >&2
  "${apt[@]}" install "${missing[@]}" </dev/null >&2
}

# Cores that this process may use: a container may have fewer than the machine.
cores() {
  local quota period count
  count=$(nproc)
  if read -r quota period 2>/dev/null </sys/fs/cgroup/cpu.max && [ "$quota" != max ]; then
    quota=$(((quota + period - 1) / period))
    [ "$quota" -ge 1 ] && [ "$quota" -lt "$count" ] && count=$quota
  fi
  echo "$count"
}

# build FOLDER "TARGET..." [cmake options...]: configures and builds; what the tools say goes to standard error.
build() {
  local folder=$1 targets=$2
  shift 2
  # shellcheck disable=SC2086
  cmake -S "$root" -B "$folder" -G Ninja "$@" </dev/null >&2 && cmake --build "$folder" --target $targets -j "$(cores)" </dev/null >&2
}
