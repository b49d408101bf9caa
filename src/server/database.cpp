// The SQLite connection and the tables in it.
#include "server/database.h"

#include "base/error.h"

namespace imagent::server {

static constexpr const char* tables[] = {
    "PRAGMA journal_mode=WAL",
    "PRAGMA synchronous=NORMAL",  // survives the end of the process at any moment; a picture's file is synced by itself
    "CREATE TABLE IF NOT EXISTS jobs(sequence INTEGER PRIMARY KEY AUTOINCREMENT, id TEXT NOT NULL UNIQUE, client TEXT NOT NULL,"
    " priority INTEGER NOT NULL, state TEXT NOT NULL, job TEXT NOT NULL, inputs TEXT NOT NULL DEFAULT '', token TEXT NOT NULL DEFAULT '', attempts INTEGER NOT NULL DEFAULT 0,"
    " claimed INTEGER NOT NULL DEFAULT 0, created REAL NOT NULL, started REAL NOT NULL DEFAULT 0, finished REAL NOT NULL DEFAULT 0,"
    " result TEXT NOT NULL DEFAULT '')",
    "CREATE INDEX IF NOT EXISTS jobs_by_state ON jobs(state, priority, sequence)",
    "CREATE INDEX IF NOT EXISTS jobs_by_client ON jobs(client, claimed)",
    "CREATE TABLE IF NOT EXISTS pictures(id TEXT PRIMARY KEY, job TEXT NOT NULL, number INTEGER NOT NULL, file TEXT NOT NULL UNIQUE,"
    " format TEXT NOT NULL, width INTEGER NOT NULL, height INTEGER NOT NULL, seed INTEGER NOT NULL, created REAL NOT NULL,"
    " favourite INTEGER NOT NULL DEFAULT 0, prompt TEXT NOT NULL, negative TEXT NOT NULL, model TEXT NOT NULL, parameters TEXT NOT NULL)",
    "CREATE INDEX IF NOT EXISTS pictures_by_time ON pictures(created)",
    "CREATE INDEX IF NOT EXISTS pictures_by_job ON pictures(job, number)",
};

static void require(sqlite3* connection, bool ok, const char* doing) {
  check(ok, ErrorKind::io, "the server's database: ", doing, ": ", sqlite3_errmsg(connection));
}

Statement::Statement(sqlite3* connection, const char* sql) : connection_(connection) {
  require(connection_, sqlite3_prepare_v2(connection_, sql, -1, &statement_, nullptr) == SQLITE_OK, sql);
}
Statement::~Statement() { sqlite3_finalize(statement_); }

void Statement::bind(int index, const std::string& value) {
  require(connection_, sqlite3_bind_text64(statement_, index, value.data(), value.size(), SQLITE_TRANSIENT, SQLITE_UTF8) == SQLITE_OK, "bind");
}
void Statement::bind(int index, int64_t value) { require(connection_, sqlite3_bind_int64(statement_, index, value) == SQLITE_OK, "bind"); }
void Statement::bind(int index, double value) { require(connection_, sqlite3_bind_double(statement_, index, value) == SQLITE_OK, "bind"); }

bool Statement::step() {
  const int code = sqlite3_step(statement_);
  require(connection_, code == SQLITE_ROW || code == SQLITE_DONE, sqlite3_sql(statement_));
  return code == SQLITE_ROW;
}
std::string Statement::text(int column) const {
  const auto* data = reinterpret_cast<const char*>(sqlite3_column_text(statement_, column));
  return data ? std::string(data, static_cast<size_t>(sqlite3_column_bytes(statement_, column))) : "";
}
int64_t Statement::integer(int column) const { return sqlite3_column_int64(statement_, column); }
double Statement::real(int column) const { return sqlite3_column_double(statement_, column); }

Database::Database(const std::filesystem::path& file) {
  const int code = sqlite3_open_v2(file.c_str(), &connection_, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_FULLMUTEX, nullptr);
  try {
    check(code == SQLITE_OK, ErrorKind::io, "cannot open the database ", file.string(), ": ", sqlite3_errstr(code));
    sqlite3_busy_timeout(connection_, 5000);
    for (const char* sql : tables) run(sql);
  } catch (...) {
    sqlite3_close(connection_);
    throw;
  }
}
Database::~Database() { sqlite3_close(connection_); }

Transaction::Transaction(Database& database) : database_(database), lock_(database.mutex) { database_.run("BEGIN IMMEDIATE"); }
Transaction::~Transaction() {
  if (done_) return;
  try {
    database_.run("ROLLBACK");
  } catch (const Error&) {  // SQLite has rolled back by itself
  }
}
void Transaction::commit() {
  database_.run("COMMIT");
  done_ = true;
}

}  // namespace imagent::server
