#include "hole.hpp"

#include "flatsweep/base/error.hpp"

namespace flatsweep {

namespace {

constexpr const char* status_name = "status";
constexpr const char* failed = "failed";
constexpr const char* absent = "absent";  // a status, and the attribute that says which parts are
constexpr const char* message_name = "message";
constexpr const char* incomplete_name = "incomplete";
constexpr const char* status_sentence_of_hole =
    "why the group has no numbers: failed, numerically; absent, what they take is not known";
constexpr const char* message_sentence = "what failed, or what is not known";

std::string message_or_nothing(const Group& group, const char* name) {
  return group.attribute(name) == nullptr ? "" : group.text(name);
}

}  // namespace

void mark_as_hole(Group& group, const std::string& why) {
  group.set(status_name, std::string(failed), "", status_sentence_of_hole);
  group.set(message_name, why, "", message_sentence);
}

Group hole(const std::string& path, const std::string& why) {
  Group root;
  mark_as_hole(root.group(path), why);
  return root;
}

bool is_hole(const Group& group) { return message_or_nothing(group, status_name) == failed; }

Group absence(const std::string& path, const std::string& why) {
  Group root;
  auto& group = root.group(path);
  group.set(status_name, std::string(absent), "", status_sentence_of_hole);
  group.set(message_name, "absent: " + why, "", message_sentence);
  return root;
}

bool is_absent(const Group& group) { return message_or_nothing(group, status_name) == absent; }

void mark_absent_parts(Group& group, const std::string& parts, const std::string& why) {
  if (why.empty()) return;
  const auto before = message_or_nothing(group, absent);
  group.set(absent, (before.empty() ? "" : before + "; ") + parts + ": " + why, "",
            "parts of the group that are missing or NaN, each with what is not known");
}

Group run_or_leave_hole(const std::string& path, const std::function<Group()>& run, std::string& why) {
  why.clear();
  try {
    return run();
  } catch (const SolverError& error) {
    why = error.what();
    return hole(path, why);
  }
}

void mark_as_incomplete(Group& group, const std::string& what) {
  if (!what.empty()) group.set(incomplete_name, what, "", "eigenpairs that were sought and did not converge");
}

std::string incomplete(const Group& group) { return message_or_nothing(group, incomplete_name); }

std::string hole_message(const Group& group) { return is_hole(group) ? message_or_nothing(group, message_name) : ""; }

}  // namespace flatsweep
