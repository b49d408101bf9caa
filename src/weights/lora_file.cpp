// Reading adapter files: names of their tensors, and the checks that later arithmetic relies on.
#include "weights/lora_file.h"

#include <algorithm>
#include <cmath>
#include <iterator>

#include "weights/byte_reader.h"
#include "weights/open.h"

namespace imagent {
namespace {

struct Ending {
  std::string_view text, role;
};

// Longer ones first where one ends with another.
constexpr Ending endings[] = {
    {".lora_linear_layer.down.weight", "down"}, {".lora_linear_layer.up.weight", "up"},
    {".lora_A.default.weight", "down"},         {".lora_B.default.weight", "up"},
    {".lora_down.weight", "down"},              {".lora_up.weight", "up"},
    {".lora_mid.weight", "mid"},                {".lora.down.weight", "down"},
    {".lora.up.weight", "up"},                  {"_lora.down.weight", "down"},
    {"_lora.up.weight", "up"},                  {".lora_A.weight", "down"},
    {".lora_B.weight", "up"},                   {".lora_magnitude_vector.default.weight", "dora_scale"},
    {".lora_magnitude_vector.weight", "dora_scale"}, {".lora_magnitude_vector", "dora_scale"},
    {".dora_scale", "dora_scale"},              {".alpha", "alpha"},
    {".hada_w1_a", "hada_w1_a"},                {".hada_w1_b", "hada_w1_b"},
    {".hada_w2_a", "hada_w2_a"},                {".hada_w2_b", "hada_w2_b"},
    {".hada_t1", "hada_t1"},                    {".hada_t2", "hada_t2"},
    {".lokr_w1_a", "lokr_w1_a"},                {".lokr_w1_b", "lokr_w1_b"},
    {".lokr_w2_a", "lokr_w2_a"},                {".lokr_w2_b", "lokr_w2_b"},
    {".lokr_w1", "lokr_w1"},                    {".lokr_w2", "lokr_w2"},
    {".lokr_t2", "lokr_t2"},                    {".diff", "diff"},
    {".diff_b", "diff_b"},                      {".w_norm", "w_norm"},
    {".b_norm", "b_norm"},                      {".on_input", "on_input"},
    {".weight", "ia3"},
};

// diffusers' first files: "attn1.processor.to_q_lora.down.weight".
std::string without_processor(std::string module) {
  constexpr std::string_view processor = ".processor.";
  if (const size_t at = module.rfind(processor); at != std::string::npos) module.replace(at, processor.size(), ".");
  return module;
}

// Checks one module and fills in what it means.
class ModuleReader {
 public:
  ModuleReader(LoraModule& module, const std::string& origin) : m_(module), origin_(origin) {}

  void read() {
    for (const auto& [role, view] : m_.tensors) {
      require(is_float(view.dtype) || role == "on_input" || role == "alpha", role, "has elements of a kind that weights do not have");
      require(view.shape.numel() > 0, role, "is empty");
      require(view.shape.numel() < int64_t{1} << 31, role, "is larger than any layer");
    }
    if (m_.has("up") || m_.has("down")) read_lora();
    if (m_.has("hada_w1_a") || m_.has("hada_w1_b") || m_.has("hada_w2_a") || m_.has("hada_w2_b")) read_loha();
    if (m_.has("lokr_w1") || m_.has("lokr_w1_a") || m_.has("lokr_w2") || m_.has("lokr_w2_a")) read_lokr();
    if (m_.has("diff")) read_whole("diff", LoraModule::Kind::full);
    if (m_.has("ia3") || m_.has("on_input")) read_ia3();
    if (m_.has("w_norm")) read_whole("w_norm", LoraModule::Kind::norm);
    read_alpha();
    if (m_.kind == LoraModule::Kind::none && !m_.bias())
      fail(ErrorKind::model, origin_, ": ", printable(m_.name), ".", m_.tensors.begin()->first, " lacks the tensors of the change that it belongs to");
  }

 private:
  void require(bool ok, std::string_view role, std::string_view what) const {
    check(ok, ErrorKind::model, origin_, ": ", printable(m_.name), ".", role, " ", what);
  }
  const Shape& shape(std::string_view role) const {
    require(m_.has(role), role, "is missing, though its counterpart is there");
    return m_.at(role).shape;
  }
  // A factor of a product, seen as a matrix: its first axis, and all others as one.
  struct Sides {
    int64_t first, rest;
  };
  Sides sides(std::string_view role) const {
    const Shape& s = shape(role);
    require(s.rank() >= 2, role, "should be a matrix");
    return {s[0], s.numel() / s[0]};
  }
  void is(LoraModule::Kind kind, int64_t rows, int64_t columns) {
    check(m_.kind == LoraModule::Kind::none, ErrorKind::model, origin_, ": ", printable(m_.name), " is changed in two ways at once");
    m_.kind = kind, m_.rows = rows, m_.columns = columns;
  }
  // Rows and columns of one factor [rank,...] x [rank,...], or through a core [rank,rank,kernel...].
  Sides core(std::string_view t, Sides a, Sides b) const {
    const Shape& s = shape(t);
    require(s.rank() >= 3 && s[0] == a.first && s[1] == b.first, t, str("is ", s, ", which does not join factors of rank ", a.first, " and ", b.first));
    return {a.rest, b.rest * (s.numel() / (s[0] * s[1]))};
  }
  // No layer has a use for a rank beyond its own sides; only a file that wants to cost time says so.
  void rank_is(int64_t rank, std::string_view role) {
    constexpr int64_t generous = 1024;
    require(rank <= std::max({generous, m_.rows, m_.columns}), role, str("has rank ", rank, ", more than the layer's own sides"));
    m_.rank = rank;
  }

  void read_lora() {
    const Sides up = sides("up"), down = sides("down");
    if (m_.has("mid")) {
      const Sides inner = core("mid", {up.rest, up.first}, down);
      is(LoraModule::Kind::lora, up.first, inner.rest);
    } else {
      require(up.rest == down.first, "up", str("is ", shape("up"), ", which does not fit lora_down ", shape("down")));
      is(LoraModule::Kind::lora, up.first, down.rest);
    }
    rank_is(down.first, "down");
  }

  Sides loha_factor(const std::string& n) const {
    const Sides a = sides("hada_w" + n + "_a"), b = sides("hada_w" + n + "_b");
    if (m_.has("hada_t" + n)) return core("hada_t" + n, a, b);
    require(a.rest == b.first, "hada_w" + n + "_b", "does not fit its other half");
    return {a.first, b.rest};
  }
  void read_loha() {
    const Sides one = loha_factor("1"), two = loha_factor("2");
    require(one.first == two.first && one.rest == two.rest, "hada_w1_a", "and hada_w2_a do not make changes of the same shape");
    is(LoraModule::Kind::loha, one.first, one.rest);
    rank_is(sides("hada_w2_b").first, "hada_w2_b");
    rank_is(sides("hada_w1_b").first, "hada_w1_b");  // the one that alpha is divided by
  }

  Sides lokr_factor(const std::string& n, int64_t& rank) const {
    const std::string whole = "lokr_w" + n;
    if (m_.has(whole)) return sides(whole);
    const Sides a = sides(whole + "_a"), b = sides(whole + "_b");
    rank = b.first;
    if (n == "2" && m_.has("lokr_t2")) return core("lokr_t2", a, b);
    require(a.rest == b.first, whole + "_b", "does not fit its other half");
    return {a.first, b.rest};
  }
  void read_lokr() {
    int64_t rank = 0;
    const Sides one = lokr_factor("1", rank), two = lokr_factor("2", rank);
    is(LoraModule::Kind::lokr, one.first * two.first, one.rest * two.rest);
    if (rank > 0) rank_is(rank, "lokr_w2_b");
  }

  void read_whole(std::string_view role, LoraModule::Kind kind) {
    const Shape& s = shape(role);
    require(s.rank() >= 1, role, "should have one value for each of the layer's");
    is(kind, s[0], s.numel() / s[0]);
  }

  void read_ia3() {
    const Shape& s = shape("ia3");
    const TensorView& flag = (shape("on_input"), m_.at("on_input"));
    require(flag.shape.numel() == 1, "on_input", "should be one value");
    const bool on_input = to_f32(flag)[0] != 0;
    is(LoraModule::Kind::ia3, on_input ? 1 : s.numel(), on_input ? s.numel() : 1);
  }

  void read_alpha() {
    if (!m_.has("alpha")) return;
    require(m_.at("alpha").shape.numel() == 1, "alpha", "should be one value");
    const float alpha = to_f32(m_.at("alpha"))[0];
    require(std::isfinite(alpha), "alpha", "is no finite number");
    if (m_.rank > 0) m_.scale = alpha / static_cast<float>(m_.rank);
  }

  LoraModule& m_;
  const std::string& origin_;
};

}  // namespace

const TensorView* LoraModule::bias() const {
  for (const char* role : {"diff_b", "b_norm"})
    if (has(role)) return &at(role);
  return nullptr;
}

LoraFile::LoraFile(std::shared_ptr<const Source> source) : source_(std::move(source)) {
  for (const std::string& name : source_->names()) {
    const auto ending = std::find_if(std::begin(endings), std::end(endings), [&](const Ending& e) { return name.ends_with(e.text); });
    const bool known = ending != std::end(endings) && name.size() > ending->text.size();
    check(known, ErrorKind::model, source_->origin(), ": tensor ", printable(name),
          " belongs to no kind of adapter that is known: LoRA, LoCon, LoHa, LoKr, DoRA, IA3 and differences are");
    const std::string module = without_processor(name.substr(0, name.size() - ending->text.size()));
    LoraModule& entry = modules_[module];
    entry.name = module;
    const bool fresh = entry.tensors.emplace(ending->role, *source_->find(name)).second;
    check(fresh, ErrorKind::model, source_->origin(), ": ", printable(module), " has ", ending->role, " under two names");
  }
  for (auto& [name, module] : modules_) ModuleReader(module, source_->origin()).read();
}

std::shared_ptr<const LoraFile> open_lora(const std::filesystem::path& path) { return std::make_shared<LoraFile>(open_weights(path)); }

}  // namespace imagent
