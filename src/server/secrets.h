// Comparing what a caller knows with what he should know, in a time that tells nothing.
#pragma once
#include <string>

namespace imagent::server {

bool same_secret(const std::string& given, const std::string& right);

// Whether an Authorization header opens the door: Basic with "user:password", Bearer with the key; "" is never right.
bool opens(const std::string& authorization, const std::string& user_and_password, const std::string& key);

}  // namespace imagent::server
