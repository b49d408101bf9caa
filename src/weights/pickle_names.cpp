// The short list of names: torch/_utils.py (functions), torch/storage.py (storage classes), torch/__init__.py (dtypes),
// numpy/_core/multiarray.py (the numbers that training programs save beside the weights).
#include "weights/pickle_names.h"

#include <algorithm>
#include <iterator>

namespace imagent {
namespace {

using Kind = PickledValue::Kind;

struct Row {
  std::string_view module, name;
  Kind kind;
  uint8_t id;
};

constexpr Row function(std::string_view module, std::string_view name, PickleFunction id) { return {module, name, Kind::function, static_cast<uint8_t>(id)}; }
constexpr Row storage(std::string_view name, DType dtype) { return {"torch", name, Kind::storage_type, static_cast<uint8_t>(dtype)}; }
constexpr Row dtype(std::string_view name, DType dtype) { return {"torch", name, Kind::dtype, static_cast<uint8_t>(dtype)}; }

constexpr Row rows[] = {
    function("torch._utils", "_rebuild_tensor", PickleFunction::rebuild_tensor),
    function("torch._utils", "_rebuild_tensor_v2", PickleFunction::rebuild_tensor_v2),
    function("torch._utils", "_rebuild_tensor_v3", PickleFunction::rebuild_tensor_v3),
    function("torch._utils", "_rebuild_parameter", PickleFunction::rebuild_parameter),
    function("collections", "OrderedDict", PickleFunction::ordered_dict),
    function("torch.nn.modules.container", "ParameterDict", PickleFunction::parameter_dict),  // old embeddings
    function("builtins", "set", PickleFunction::opaque),
    function("__builtin__", "set", PickleFunction::opaque),
    function("_codecs", "encode", PickleFunction::opaque),  // how protocol 2 writes a bytes object
    function("numpy", "dtype", PickleFunction::opaque),
    function("numpy.core.multiarray", "scalar", PickleFunction::opaque),
    function("numpy.core.multiarray", "_reconstruct", PickleFunction::opaque),
    function("numpy._core.multiarray", "scalar", PickleFunction::opaque),
    function("numpy._core.multiarray", "_reconstruct", PickleFunction::opaque),
    storage("DoubleStorage", DType::f64),
    storage("FloatStorage", DType::f32),
    storage("HalfStorage", DType::f16),
    storage("BFloat16Storage", DType::bf16),
    storage("Float8_e4m3fnStorage", DType::f8_e4m3),
    storage("Float8_e5m2Storage", DType::f8_e5m2),
    storage("LongStorage", DType::i64),
    storage("IntStorage", DType::i32),
    storage("ShortStorage", DType::i16),
    storage("CharStorage", DType::i8),
    storage("ByteStorage", DType::u8),
    storage("BoolStorage", DType::boolean),
    {"torch", "UntypedStorage", Kind::storage_type, untyped_storage},
    {"torch.storage", "UntypedStorage", Kind::storage_type, untyped_storage},
    dtype("float64", DType::f64),
    dtype("float32", DType::f32),
    dtype("float16", DType::f16),
    dtype("bfloat16", DType::bf16),
    dtype("float8_e4m3fn", DType::f8_e4m3),
    dtype("float8_e5m2", DType::f8_e5m2),
    dtype("int64", DType::i64),
    dtype("int32", DType::i32),
    dtype("int16", DType::i16),
    dtype("int8", DType::i8),
    dtype("uint8", DType::u8),
    dtype("bool", DType::boolean),
};

}  // namespace

std::optional<PickledValue> pickle_name(std::string_view module, std::string_view name) {
  const auto* row = std::find_if(std::begin(rows), std::end(rows), [&](const Row& r) { return r.module == module && r.name == name; });
  if (row == std::end(rows)) return std::nullopt;
  PickledValue value;
  value.kind = row->kind;
  value.id = row->id;
  return value;
}

}  // namespace imagent
