// SQLite: one connection in WAL mode, statements with bound values, transactions that end with their scope.
#pragma once
#include <sqlite3.h>

#include <cstdint>
#include <filesystem>
#include <mutex>
#include <string>
#include <utility>

namespace imagent::server {

class Statement {
 public:
  Statement(sqlite3* connection, const char* sql);
  ~Statement();
  Statement(Statement&& other) noexcept : connection_(other.connection_), statement_(std::exchange(other.statement_, nullptr)) {}
  Statement(const Statement&) = delete;
  Statement& operator=(const Statement&) = delete;

  void bind(int index, const std::string& value);
  void bind(int index, int64_t value);
  void bind(int index, int value) { bind(index, static_cast<int64_t>(value)); }
  void bind(int index, double value);

  bool step();                                  // true: there is a row
  std::string text(int column) const;
  int64_t integer(int column) const;
  double real(int column) const;

 private:
  sqlite3* connection_;
  sqlite3_stmt* statement_ = nullptr;
};

class Database {
 public:
  // Opens or makes the file, and its tables. Errors: io, naming the file.
  explicit Database(const std::filesystem::path& file);
  ~Database();
  Database(const Database&) = delete;
  Database& operator=(const Database&) = delete;

  // A statement with its ?1, ?2, ... bound; step() runs it. Errors (here and in step): io.
  template <class... Values>
  Statement query(const char* sql, const Values&... values) {
    Statement statement(connection_, sql);
    bind_all(statement, values...);
    return statement;
  }
  // Runs a statement that gives no rows; returns how many it changed.
  template <class... Values>
  int run(const char* sql, const Values&... values) {
    const std::lock_guard hold(mutex);  // the count of changes is the connection's last
    Statement statement(connection_, sql);
    bind_all(statement, values...);
    while (statement.step()) {
    }
    return sqlite3_changes(connection_);
  }

  std::recursive_mutex mutex;                   // held by whoever uses the connection

 private:
  template <class... Values>
  static void bind_all(Statement& statement, const Values&... values) {
    int index = 0;
    (statement.bind(++index, values), ...);
  }
  sqlite3* connection_ = nullptr;
};

// Holds the database; everything since its making is undone unless commit() was reached.
class Transaction {
 public:
  explicit Transaction(Database& database);
  ~Transaction();
  void commit();

 private:
  Database& database_;
  std::lock_guard<std::recursive_mutex> lock_;
  bool done_ = false;
};

}  // namespace imagent::server
