# Runs the fuzz targets (sourced by ./check, not run): run_fuzz_targets BUILD SECONDS [NAME...].
# Seeds are read where they lie: goldens of the tests, and fuzz/seeds/NAME, which also keeps what was found before. New
# finds go to BUILD/corpus/NAME; an input that crashes, hangs or takes too much memory to BUILD/crash-..., and ends the run.

seeds_of() {
  case $1 in
    safetensors) echo formats/safetensors formats/small_floats ;;
    torch_checkpoint) echo formats/pickle ;;
    gguf) echo formats/gguf ;;
    lora) echo adapters ;;
    config) echo manifests/configs formats/sharded/bad_missing_shard ;;
    image) echo image/pictures ;;
    prompt) echo text ;;
  esac
}

# Whole files of weights are larger than what a fuzzer can turn over quickly; their headers are not.
longest_input() {
  case $1 in
    prompt) echo 1024 ;;
    hub_answer | config | image | http_request) echo 4096 ;;
    lora) echo 32768 ;;
    *) echo 16384 ;;
  esac
}

run_fuzz_targets() {
  local build=$1 seconds=$2 program name folder
  shift 2
  for program in "$build"/bin/*_fuzz; do
    name=$(basename "$program" _fuzz)
    [ $# -eq 0 ] || [[ " $* " = *" $name "* ]] || continue
    mkdir -p "$build/corpus/$name"
    local corpora=("$build/corpus/$name")
    for folder in $(seeds_of "$name"); do corpora+=("$root/tests/golden/$folder"); done
    [ -d "$root/fuzz/seeds/$name" ] && corpora+=("$root/fuzz/seeds/$name")
    echo "fuzz: $name for $seconds s"
    ASAN_OPTIONS=allocator_may_return_null=1 "$program" -max_total_time="$seconds" -timeout=10 -rss_limit_mb=2048 \
      -max_len="$(longest_input "$name")" -print_final_stats=1 -verbosity=1 -artifact_prefix="$build/" "${corpora[@]}" \
      >"$build/$name.log" 2>&1 || { tail -n 60 "$build/$name.log"; return 1; }
    tail -n 8 "$build/$name.log"
  done
}
