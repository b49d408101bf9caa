// The core count against made-up cgroup files.
#include "base/cores.h"

#include <gtest/gtest.h>
#include <sched.h>
#include <unistd.h>

#include <fstream>
#include <string>

namespace imagent {
namespace {

namespace fs = std::filesystem;

class CgroupCores : public testing::Test {
 protected:
  void SetUp() override {
    root_ = fs::temp_directory_path() / ("imagent_cores_" + std::to_string(getpid()));
    fs::remove_all(root_);
  }
  void TearDown() override { fs::remove_all(root_); }
  void write(const std::string& path, const std::string& text) {
    fs::create_directories((root_ / path).parent_path());
    std::ofstream(root_ / path) << text;
  }
  fs::path root_;
};

TEST_F(CgroupCores, NoFilesMeanNoLimit) { EXPECT_EQ(cgroup_cores(root_), 0); }

TEST_F(CgroupCores, VersionTwo) {
  write("proc/self/cgroup", "0::/\n");
  write("sys/fs/cgroup/cpu.max", "250000 100000\n");
  EXPECT_EQ(cgroup_cores(root_), 3);
  write("sys/fs/cgroup/cpu.max", "max 100000\n");
  EXPECT_EQ(cgroup_cores(root_), 0);
  write("sys/fs/cgroup/cpu.max", "20000 100000\n");
  EXPECT_EQ(cgroup_cores(root_), 1);
}

TEST_F(CgroupCores, TheTightestOfNestedGroupsHolds) {
  write("proc/self/cgroup", "0::/system.slice/job.service\n");
  write("sys/fs/cgroup/system.slice/cpu.max", "200000 100000\n");
  write("sys/fs/cgroup/system.slice/job.service/cpu.max", "800000 100000\n");
  EXPECT_EQ(cgroup_cores(root_), 2);
}

TEST_F(CgroupCores, VersionOne) {
  write("proc/self/cgroup", "5:memory:/\n4:cpu,cpuacct:/docker/x\n");
  write("sys/fs/cgroup/cpu,cpuacct/docker/x/cpu.cfs_quota_us", "400000\n");
  write("sys/fs/cgroup/cpu,cpuacct/docker/x/cpu.cfs_period_us", "100000\n");
  EXPECT_EQ(cgroup_cores(root_), 4);
  write("sys/fs/cgroup/cpu,cpuacct/docker/x/cpu.cfs_quota_us", "-1\n");
  EXPECT_EQ(cgroup_cores(root_), 0);
}

TEST_F(CgroupCores, NonsenseIsNoLimit) {
  write("proc/self/cgroup", "no colons\n0::\n");
  write("sys/fs/cgroup/cpu.max", "many 100000\n");
  EXPECT_EQ(cgroup_cores(root_), 0);
  write("sys/fs/cgroup/cpu.max", "100000 0\n");
  EXPECT_EQ(cgroup_cores(root_), 0);
}

TEST(UsableCores, FollowsTheAffinity) {
  cpu_set_t before, one;
  ASSERT_EQ(sched_getaffinity(0, sizeof before, &before), 0);
  CPU_ZERO(&one);
  for (int i = 0; i < CPU_SETSIZE; ++i)
    if (CPU_ISSET(i, &before)) {
      CPU_SET(i, &one);
      break;
    }
  EXPECT_GE(usable_cores(), 1);
  ASSERT_EQ(sched_setaffinity(0, sizeof one, &one), 0);
  EXPECT_EQ(usable_cores(), 1);
  sched_setaffinity(0, sizeof before, &before);
}

}  // namespace
}  // namespace imagent
