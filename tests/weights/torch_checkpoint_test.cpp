// PyTorch checkpoints: every good and broken file of golden/formats/pickle.
#include "weights/torch_checkpoint.h"

#include <cstring>
#include <fstream>

#include "weights/format_cases.h"
#include "weights/pickle.h"
#include "weights/safetensors.h"

namespace imagent::test {
namespace {

using namespace std::string_literals;

std::filesystem::path file(const std::string& name) { return golden("formats/pickle/" + name); }

Pickle unpickle(const std::string& text) {
  static std::string kept;  // the pickle's texts are views of it
  kept = text;
  size_t length = 0;
  return read_pickle(std::as_bytes(std::span(kept)), "test", length);
}

TEST(TorchCheckpoint, EveryGoodAndBrokenFile) {
  const auto errors = run_cases("pickle", open_torch_checkpoint);
  EXPECT_FALSE(std::filesystem::exists("pwned"));
  for (const auto& [name, text] : errors) EXPECT_TRUE(name.starts_with("bad_") || name == "ok_zip_deflate.ckpt") << text;
  const std::pair<const char*, const char*> named[] = {
      {"bad_os_system.ckpt", "posix.system"}, {"bad_os_system_with_tensors.ckpt", "os.system"}, {"bad_eval.ckpt", "builtins.eval"},
      {"bad_stack_global.ckpt", "posix.system"}, {"bad_inst_opcode.ckpt", "opcode 83"}, {"bad_build_setstate.ckpt", "some.module.Thing"}, {"bad_newobj.ckpt", "posix.system"}, {"bad_unknown_call.ckpt", "some.module.function"},
      {"bad_legacy_os_system.ckpt", "posix.system"}, {"bad_plain_pickle.ckpt", "posix.system"}, {"bad_unknown_storage.ckpt", "torch.QInt4x2Storage"},
      {"bad_missing_storage.ckpt", "lacks storage 5"}, {"ok_zip_deflate.ckpt", "compressed"}};
  for (const auto& [name, part] : named) EXPECT_NE(errors.at(name).find(part), std::string::npos) << errors.at(name);
}

TEST(TorchCheckpoint, TensorsAreBitEqual) {
  const auto want = open_safetensors(file("expected_tensors.safetensors"));
  for (const char* name : {"ok_zip_nested.ckpt", "ok_zip_flat.pt", "ok_legacy.ckpt", "ok_zip_protocol4.pt", "ok_zip_renamed_top.ckpt"}) {
    const auto source = open_torch_checkpoint(file(name));
    EXPECT_EQ(source->names(), want->names()) << name;
    for (const std::string& tensor : want->names()) {
      SCOPED_TRACE(str(name, " ", tensor));
      expect_same(source->find(tensor).value(), want->find(tensor).value());
    }
    EXPECT_FALSE(source->find("no such tensor").has_value());
  }
}

TEST(TorchCheckpoint, UpscalersKeepTheirTensorsUnderParamsEma) {
  const auto source = open_torch_checkpoint(file("ok_zip_params_ema.pth"));
  EXPECT_EQ(source->names(), (std::vector<std::string>{"bf16", "f16", "f32"}));
}

// As published checkpoints of trainers are: a callback's class as a key, numpy's numbers.
TEST(TorchCheckpoint, NamesThatNothingCallsAndNumbersOfNumpy) {
  const auto source = open_torch_checkpoint(file("ok_unknown_class_as_key.ckpt"));
  EXPECT_EQ(source->names(), std::vector<std::string>{"w"});
  EXPECT_EQ(to_f32(source->find("w").value()), (std::vector<float>{0, 1, 2, 3}));
  EXPECT_TRUE(open_torch_checkpoint(file("ok_numpy_scalar.ckpt"))->names().empty());
}

TEST(TorchCheckpoint, EightBitFloats) {
  const auto source = open_torch_checkpoint(file("ok_zip_fp8.pt")), want = open_safetensors(file("expected_fp8.safetensors"));
  for (const char* name : {"e4m3", "e5m2"}) EXPECT_EQ(to_f32(source->find(name).value()), to_f32(want->find(name).value())) << name;
  EXPECT_EQ(source->find("e4m3")->dtype, DType::f8_e4m3);
}

TEST(TorchCheckpoint, DenseElementsAreReadInPlace) {
  const auto source = open_torch_checkpoint(file("ok_zip_nested.ckpt"));
  EXPECT_EQ(source->find("f32")->bytes.data(), source->find("f32")->bytes.data());
  EXPECT_EQ(source->find("shared_b")->bytes.data() - source->find("shared_a")->bytes.data(), 40);
  EXPECT_NE(source->find("transposed")->bytes.data(), source->find("transposed")->bytes.data());
  source->release(source->find("transposed").value());  // an own buffer: nothing of the file to give back
}

TEST(TorchCheckpoint, ViewsOutliveTheSource) {
  std::optional<TensorView> dense, gathered;
  {
    const auto source = open_torch_checkpoint(file("ok_legacy.ckpt"));
    dense = source->find("f32");
    gathered = source->find("transposed");
  }
  const auto want = open_safetensors(file("expected_tensors.safetensors"));
  expect_same(*dense, want->find("f32").value());
  expect_same(*gathered, want->find("transposed").value());
}

TEST(Pickle, OrderedDictOfPairsFromPython2) {
  // OrderedDict([['a', 1], ['b', 2], ['a', 3]])
  const Pickle pickle = unpickle(std::string("\x80\x02"
                                             "ccollections\nOrderedDict\n(](](U\x01"
                                             "aK\x01"
                                             "e](U\x01"
                                             "bK\x02"
                                             "e](U\x01"
                                             "aK\x03"
                                             "eetR."));
  const PickledValue& root = pickle.values[pickle.root];
  EXPECT_EQ(pickle.get(root, "b")->integer(), 2);
  EXPECT_EQ(pickle.get(root, "a")->integer(), 3);
  EXPECT_EQ(pickle.get(root, "c"), nullptr);
}

TEST(Pickle, IntegersOfAnyLength) {
  const auto integer = [](const std::string& text) { return unpickle("\x80\x02" + text + "."); };
  EXPECT_EQ(integer("J\xfe\xff\xff\xff").values[0].integer(), -2);
  EXPECT_EQ(integer(std::string("\x8a\x00", 2)).values[0].integer(), 0);
  EXPECT_EQ(integer("\x8a\x01\xff").values[0].integer(), -1);
  EXPECT_EQ(integer(std::string("\x8a\x09\xff\xff\xff\xff\xff\xff\xff\x7f\x00", 11)).values[0].integer(), INT64_MAX);
  EXPECT_EQ(integer(std::string("\x8a\x09\xff\xff\xff\xff\xff\xff\xff\xff\x00", 11)).values[0].kind, PickledValue::Kind::opaque);
}

TEST(Pickle, ListsThatGrowBySharingAreBounded) {
  // A list of 1000 pairs, made into a dict 1000 times: 10^6 entries out of a few kilobytes.
  std::string text = "\x80\x02" "ccollections\nOrderedDict\nq\x01(]q\x02(";
  for (int i = 0; i < 1000; ++i) text += std::string("](K\x01K\x02", 6) + "e";
  text += "etq\x03";
  for (int i = 0; i < 1000; ++i) text += "h\x01h\x03R0";
  EXPECT_THROW(unpickle(text + "."), Error);
}

TEST(Pickle, NumpysArraysAreSkipped) {
  // {'a': numpy.arange(1)} as numpy writes it: _reconstruct(ndarray, (0,), b'b') with a state.
  const Pickle pickle = unpickle("\x80\x02}U\x01"
                                 "acnumpy.core.multiarray\n_reconstruct\ncnumpy\nndarray\nK\x00\x85U\x01"
                                 "b\x87R(K\x01K\x01\x85"
                                 "cnumpy\ndtype\nU\x02i8\x89\x88\x87R(K\x03tb\x89U\x01ztbsU\x01"
                                 "bK\x07s."s);
  const PickledValue& root = pickle.values[pickle.root];
  EXPECT_EQ(pickle.get(root, "a")->kind, PickledValue::Kind::opaque);
  EXPECT_EQ(pickle.get(root, "b")->integer(), 7);
}

TEST(Pickle, UnknownNamesAreNeverCalledMadeOrChanged) {
  for (const std::string use : {")R", ")\x81", "}b", "N}\x81", "0U\x07storageh\x01U\x01kNK\x01tQ"}) {
    try {
      unpickle("\x80\x02(cevil\nname\nq\x01" + use + ".");
      ADD_FAILURE() << use;
    } catch (const Error& error) {
      const bool made_of_nothing = use[0] == 'N';
      EXPECT_NE(error.text.find(made_of_nothing ? "an object of a class" : "evil.name"), std::string::npos) << error.text;
    }
  }
  EXPECT_EQ(unpickle("\x80\x02" "cevil\nname\n.").values.back().kind, PickledValue::Kind::unknown);
}

TEST(Pickle, MessagesHoldNoControlCharacters) {
  try {
    unpickle("\x80\x02"
             "cevil\x1b[2J\nname\n)R.");
    FAIL();
  } catch (const Error& error) {
    EXPECT_NE(error.text.find("evil?[2J.name"), std::string::npos) << error.text;
  }
}

}  // namespace
}  // namespace imagent::test
