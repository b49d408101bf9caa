// ClipTokenizer against transformers' fast tokenizer (tests/golden/text/tokens.jsonl) and on bad input.
#include "text/tokenizer.h"

#include <chrono>
#include <fstream>

#include "base/error.h"
#include "text/clip_vocabulary.h"
#include "text/gzip.h"

namespace imagent::test {
namespace {

using Ids = std::vector<int>;

TEST(Tokenizer, GivesTheIdsOfTransformers) {
  const auto rows = read_jsonl(golden("text/tokens.jsonl"));
  ASSERT_GE(rows.size(), 300u);
  for (const auto& row : rows) {
    const auto prompt = row.at("prompt").get<std::string>();
    EXPECT_EQ(tokenizer_l().encode(prompt), row.at("ids_L").get<Ids>()) << row.at("prompt");
    EXPECT_EQ(tokenizer_h().encode(prompt), row.at("ids_H").get<Ids>()) << row.at("prompt");
  }
}

TEST(Tokenizer, ReadsAModelFolder) {
  const ClipTokenizer sd15 = ClipTokenizer::from_folder(golden("models/sd15/tokenizer"));
  const ClipTokenizer sd21 = ClipTokenizer::from_folder(golden("models/sd21/tokenizer"));
  EXPECT_EQ(sd15.vocabulary_size(), 1214u);
  EXPECT_EQ(sd15.start_id(), 1212);
  EXPECT_EQ(sd15.end_id(), 1213);
  EXPECT_EQ(sd15.pad_id(), 1213);
  EXPECT_EQ(sd21.pad_id(), 0);  // special_tokens_map.json wins over tokenizer_config.json
  EXPECT_EQ(sd15.encode("hi! wow!!"), (Ids{71, 328, 256, 86, 78, 342, 748}));
  EXPECT_EQ(sd21.encode("hi! wow!!"), (Ids{71, 328, 0, 86, 78, 342, 0, 0}));
}

TEST(Tokenizer, SpellsPieces) {
  EXPECT_EQ(tokenizer_l().pieces(tokenizer_l().encode("A cat!")), (std::vector<std::string>{"a</w>", "cat</w>", "!</w>"}));
  EXPECT_EQ(tokenizer_l().pieces(Ids{-1, 99999999}), (std::vector<std::string>{"", ""}));
  EXPECT_EQ(tokenizer_l().id_of("cat</w>"), 2368);
  EXPECT_EQ(tokenizer_l().id_of("no such piece"), -1);
}

TEST(Tokenizer, NamesTheByteOfInvalidUtf8) {
  for (const auto& [text, at] : std::vector<std::pair<std::string, std::string>>{
           {"ab\xff", "2"}, {"\xc3", "0"}, {"\xc3\xa9\xed\xa0\x80", "2"}, {"x\xc0\xaf", "1"}, {"\xf4\x90\x80\x80", "0"}, {"a\x80", "1"}}) {
    try {
      tokenizer_l().encode(text);
      FAIL() << at;
    } catch (const Error& error) {
      EXPECT_EQ(error.kind, ErrorKind::usage);
      EXPECT_NE(error.text.find("byte " + at), std::string::npos) << error.text;
    }
  }
}

// What a quadratic algorithm would need minutes for.
TEST(Tokenizer, IsFastOnHostileText) {
  std::string marks = "a";
  for (int i = 0; i < 100000; ++i) marks += i % 2 ? "\u0301" : "\u0323";
  std::string letters;
  for (int i = 0; i < 1000000; ++i) letters += static_cast<char>('a' + i % 26 * 7 % 26);
  const auto begin = std::chrono::steady_clock::now();
  for (const std::string& text : {std::string(1000000, 'a'), letters, std::string(1000000, '<'), std::string(1000000, ' '), marks})
    tokenizer_l().encode(text);
  EXPECT_LT(std::chrono::steady_clock::now() - begin, std::chrono::seconds(20));
}

class TokenizerFolder : public testing::Test {
 protected:
  void SetUp() override {
    std::filesystem::create_directories(folder);
    for (const char* name : {"vocab.json", "merges.txt", "special_tokens_map.json", "tokenizer_config.json"}) {
      std::filesystem::remove(folder / name);
      std::ofstream(folder / name) << read_text(golden("models/sd15/tokenizer") / name);
    }
  }
  void TearDown() override { std::filesystem::remove_all(folder); }
  void write(const char* name, const std::string& text) { std::ofstream(folder / name) << text; }
  std::string error() {
    try {
      ClipTokenizer::from_folder(folder);
      return "";
    } catch (const Error& error) {
      EXPECT_EQ(error.kind, ErrorKind::tokenizer);
      return error.text;
    }
  }
  const std::filesystem::path folder = std::filesystem::path(testing::TempDir()) / "imagent_tokenizer";
};

TEST_F(TokenizerFolder, NamesTheDamagedFile) {
  const std::string deep(100000, '[');
  const std::vector<std::pair<const char*, std::string>> damaged{
      {"vocab.json", ""}, {"vocab.json", "[]"}, {"vocab.json", "{\"a\":"}, {"vocab.json", "{\"a\":" + deep}, {"vocab.json", "{\"a\":-1}"},
      {"vocab.json", "{\"a\":99999999999999999999}"}, {"vocab.json", "{\"a\":18446744073709551615}"}, {"vocab.json", "{\"a\":\"b\"}"},
      {"vocab.json", "{\"a\xff\":1}"}, {"merges.txt", "#version\na b c\n"}, {"merges.txt", "ab\n"}, {"merges.txt", "a \n"}, {"merges.txt", "\xff \xfe\n"},
      {"special_tokens_map.json", "{\"pad_token\": 3}"}, {"special_tokens_map.json", "{\"pad_token\": {}}"}, {"special_tokens_map.json", "{\"pad_token\": \"\"}"},
      {"special_tokens_map.json", deep}, {"tokenizer_config.json", "{\"model_max_length\": 5}"}, {"tokenizer_config.json", "null"}};
  for (const auto& [name, text] : damaged) {
    SetUp();
    ASSERT_EQ(error(), "");
    write(name, text);
    EXPECT_NE(error().find(name), std::string::npos) << name << ": " << text.substr(0, 40) << " -> " << error();
  }
}

TEST_F(TokenizerFolder, RefusesWhatTheVocabularyLacks) {
  write("merges.txt", "#version: 0.2\nq zzz\n");
  EXPECT_NE(error().find("\"zzz\""), std::string::npos);
  SetUp();
  write("special_tokens_map.json", "{\"pad_token\": \"<pad>\"}");
  EXPECT_NE(error().find("\"<pad>\""), std::string::npos);
  std::filesystem::remove(folder / "vocab.json");
  EXPECT_NE(error().find("vocab.json"), std::string::npos);
}

TEST(Gzip, RefusesDamageAndTooMuch) {
  const std::string packed = read_text(source_dir() / "data/clip/bpe_simple_vocab_16e6.txt.gz");
  const auto bytes = std::as_bytes(std::span(packed));
  EXPECT_THROW(gunzip(bytes, packed.size()), Error);
  EXPECT_THROW(gunzip(bytes.first(1000)), Error);
  EXPECT_THROW(gunzip({}), Error);
  EXPECT_THROW(gunzip(bytes.subspan(1)), Error);
}

}  // namespace
}  // namespace imagent::test
