# lit's configuration for the GoogleTest programs of this folder.
import lit.formats

config.name = "ssm-Unit"
config.test_format = lit.formats.GoogleTest(".", "Tests")
config.suffixes = []
config.test_source_root = config.ssm_unit_dir
config.test_exec_root = config.ssm_unit_dir
