// What wears a server down: pictures that are bombs, Base64 that is none, crowds of watchers; and TLS.
#include <gtest/gtest.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <sys/resource.h>
#include <zlib.h>

#include <cstring>

#include "base/memory.h"
#include "image/codec.h"
#include "server/base64.h"
#include "server/raw_connection.h"
#include "server/test_server.h"

namespace imagent::test {
namespace {

using nlohmann::json;

void put_big_endian(std::vector<uint8_t>& bytes, size_t at, uint32_t value) {
  for (int i = 0; i < 4; ++i) bytes[at + i] = static_cast<uint8_t>(value >> (24 - 8 * i));
}

// A small PNG whose header tells of that many pixels a side.
std::string bomb(uint32_t side) {
  std::vector<uint8_t> png = encode_image(Image(8, 8, 3));
  put_big_endian(png, 16, side);
  put_big_endian(png, 20, side);
  put_big_endian(png, 29, static_cast<uint32_t>(crc32(0, png.data() + 12, 17)));
  return {png.begin(), png.end()};
}
std::string base64_of(const std::string& bytes) { return server::base64_encode({reinterpret_cast<const uint8_t*>(bytes.data()), bytes.size()}); }

class BadPictures : public OneServer<BadPictures> {
 protected:
  void TearDown() override { EXPECT_EQ(post(server(), "/txt2img", small()).status, 200) << "still draws"; }

  // Every place of every dialect that takes a picture in Base64.
  static std::vector<std::pair<std::string, Answer>> send(const std::string& picture) {
    const json unit = {{"model", "x"}, {"image", picture}};
    const std::vector<std::pair<std::string, json>> bodies = {
        {"/img2img", small({{"image", picture}})},
        {"/v1/jobs", small({{"operation", "image_inpaint"}, {"init_image", picture}, {"mask_image", picture}})},
        {"/sdapi/v1/img2img", small({{"init_images", {picture}}})},
        {"/sdapi/v1/img2img", small({{"init_images", {server::base64_encode(encode_image(Image(64, 64, 3)))}}, {"mask", picture}})},
        {"/sdapi/v1/extra-single-image", {{"image", picture}, {"upscaler_1", "Lanczos"}}},
        {"/sdapi/v1/extra-batch-images", {{"imageList", {{{"data", picture}, {"name", "a"}}}}, {"upscaler_1", "Lanczos"}}},
        {"/controlnet/detect", {{"controlnet_module", "canny"}, {"controlnet_input_images", {picture}}}},
        {"/sdcpp/v1/img_gen", small({{"init_image", picture}})},
    };
    std::vector<std::pair<std::string, Answer>> answers;
    for (const auto& [path, body] : bodies) answers.emplace_back(path, post(server(), path, body));
    return answers;
  }
};

TEST_F(BadPictures, BombsAreRefusedByTheirHeader) {
  const size_t before = peak_resident_bytes();
  for (const uint32_t side : {30000u, 2000000000u, 0u})
    for (const auto& [path, answer] : send(base64_of(bomb(side)))) EXPECT_EQ(answer.status, 422) << path << " " << side << answer.body;
  const httplib::MultipartFormDataItems form = {{"image", bomb(30000), "a.png", "image/png"}, {"prompt", "x", "", ""}, {"size", "64x64", "", ""}};
  const Answer edit = answer_of(server().client().Post("/v1/images/edits", form));
  EXPECT_TRUE(edit.status == 400 || edit.status == 422) << edit.body;
  EXPECT_TRUE(edit.body.at("error").contains("type"));
  EXPECT_LT(peak_resident_bytes() - before, size_t{400} << 20);
}

TEST_F(BadPictures, WhatIsNoPictureIsToldSoInEachDialect) {
  const std::string half = base64_of(bomb(8)).substr(0, 60);
  for (const std::string& garbage : {std::string("!!!!"), std::string("aGVsbG8="), std::string("data:image/png;base64,"), std::string("data:text/plain,abc"), half, std::string("\xf0\x9f\x8e\xa8"),
                                     std::string("http://127.0.0.1/a.png"), std::string(100000, 'A')})
    for (const auto& [path, answer] : send(garbage)) {
      EXPECT_EQ(answer.status, 422) << path << " " << garbage.substr(0, 40) << answer.body;
      const char* key = path.starts_with("/sdapi") || path.starts_with("/controlnet") ? "detail" : "error";
      EXPECT_TRUE(answer.body.contains(key)) << path << answer.body;
    }
  for (const json& wrong : {json(1), json::array({1}), json::object(), json(true)}) {
    EXPECT_EQ(post(server(), "/img2img", small({{"image", wrong}})).status, 400) << wrong;
    const int status = post(server(), "/sdcpp/v1/img_gen", small({{"init_image", wrong}})).status;
    EXPECT_EQ(status, 400) << wrong;
  }
}

TEST(Crowd, AThousandWatchersHoldUpNobody) {
  rlimit files{};
  getrlimit(RLIMIT_NOFILE, &files);
  if (files.rlim_max < 4096) GTEST_SKIP() << "at most " << files.rlim_max << " open files";
  files.rlim_cur = std::max<rlim_t>(files.rlim_cur, 4096);
  setrlimit(RLIMIT_NOFILE, &files);
  TestServer server([](server::ServeOptions& options) { options.engine.shared_pictures = options.jobs_at_once = 1; });
  const std::string id = post(server, "/v1/jobs", small({{"width", 2048}, {"height", 2048}, {"steps", 150}, {"preview_every", 0}})).body.at("job_id");
  const std::string waiting = post(server, "/v1/jobs", small()).body.at("job_id");
  std::vector<std::unique_ptr<Raw>> watchers;
  for (int i = 0; i < 1000; ++i) {
    watchers.push_back(std::make_unique<Raw>(server.port()));
    ASSERT_TRUE(watchers.back()->connected()) << i;
    watchers.back()->send("GET /v1/jobs/" + waiting + "/stream HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n");
  }
  std::vector<double> seconds;
  for (int i = 0; i < 20; ++i) {
    const auto start = std::chrono::steady_clock::now();
    EXPECT_EQ(get(server, i % 2 ? "/health" : "/sdapi/v1/progress").status, 200);
    seconds.push_back(std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count());
  }
  std::nth_element(seconds.begin(), seconds.begin() + 10, seconds.end());
  EXPECT_LT(seconds[10], 5) << "the median: single answers may wait for a busy machine";
  for (const std::string& job : {waiting, id}) EXPECT_EQ(answer_of(server.client().Delete("/v1/jobs/" + job)).status, 200);
  for (const auto& watcher : watchers) {
    const std::string told = watcher->answer();
    EXPECT_NE(told.find("event: error"), std::string::npos) << told.substr(0, 300);
    EXPECT_NE(told.find("[DONE]"), std::string::npos);
  }
}

// A key and a certificate that it signed itself, for this machine's names.
struct Certificate {
  std::filesystem::path key, certificate;
};
Certificate make_certificate(const Scratch& folder) {
  const Certificate files{folder / "key.pem", folder / "certificate.pem"};
  EVP_PKEY* key = EVP_EC_gen("P-256");
  X509* x = X509_new();
  X509_set_version(x, 2);
  ASN1_INTEGER_set(X509_get_serialNumber(x), 1);
  X509_gmtime_adj(X509_getm_notBefore(x), -3600);
  X509_gmtime_adj(X509_getm_notAfter(x), 86400);
  X509_set_pubkey(x, key);
  X509_NAME* name = X509_get_subject_name(x);
  X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC, reinterpret_cast<const unsigned char*>("localhost"), -1, -1, 0);
  X509_set_issuer_name(x, name);
  X509_EXTENSION* names = X509V3_EXT_conf_nid(nullptr, nullptr, NID_subject_alt_name, "DNS:localhost,IP:127.0.0.1");
  X509_add_ext(x, names, -1);
  X509_EXTENSION_free(names);
  X509_sign(x, key, EVP_sha256());
  FILE* file = std::fopen(files.key.c_str(), "w");
  PEM_write_PrivateKey(file, key, nullptr, nullptr, 0, nullptr, nullptr);
  std::fclose(file);
  file = std::fopen(files.certificate.c_str(), "w");
  PEM_write_X509(file, x);
  std::fclose(file);
  X509_free(x);
  EVP_PKEY_free(key);
  return files;
}

TEST(Tls, APictureGoesRoundOverIt) {
  Scratch folder;
  const Certificate files = make_certificate(folder);
  const TestServer server([&](server::ServeOptions& options) {
    options.http.tls_certificate = files.certificate;
    options.http.tls_key = files.key;
    options.http.limits.head = std::chrono::milliseconds(1000);
  });
  httplib::SSLClient client("localhost", server.port());
  client.set_ca_cert_path(files.certificate.c_str());
  client.enable_server_certificate_verification(true);
  client.set_read_timeout(120);
  client.set_keep_alive(true);
  EXPECT_EQ(answer_of(client.Get("/health")).status, 200);
  const Answer drawn = answer_of(client.Post("/txt2img", small().dump(), "application/json"));
  ASSERT_EQ(drawn.status, 200) << drawn.body;
  EXPECT_FALSE(drawn.body.at("images").at(0).get<std::string>().empty());
  const std::string id = answer_of(client.Post("/v1/jobs", small().dump(), "application/json")).body.at("job_id");
  EXPECT_TRUE(client.Get("/v1/jobs/" + id + "/stream")->body.ends_with("data: [DONE]\n\n"));

  httplib::SSLClient distrustful("localhost", server.port());
  distrustful.enable_server_certificate_verification(true);
  EXPECT_FALSE(distrustful.Get("/health")) << "the certificate is nobody's but ours";
  Raw plain(server.port()), half(server.port()), silent(server.port());
  plain.send("GET /health HTTP/1.1\r\nHost: localhost\r\n\r\n");
  half.send("\x16\x03\x01");
  EXPECT_EQ(plain.answer().find("HTTP/1.1 200"), std::string::npos);
  EXPECT_EQ(half.answer().find("HTTP/1.1"), std::string::npos);
  EXPECT_EQ(answer_of(client.Get("/health")).status, 200);
}

TEST(Tls, WrongFilesAreToldAtTheStart) {
  Scratch folder;
  const Certificate files = make_certificate(folder);
  for (const auto& [certificate, key] : {std::pair{folder / "none", files.key}, {files.key, files.certificate}})
    EXPECT_THROW(TestServer([certificate = certificate, key = key](server::ServeOptions& options) {
                   options.http.tls_certificate = certificate;
                   options.http.tls_key = key;
                 }),
                 Error);
}

}  // namespace
}  // namespace imagent::test
