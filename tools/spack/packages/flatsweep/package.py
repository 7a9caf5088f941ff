# Untested: no Spack was at hand. Checked line by line against Spack's packaging guide (docs/install.md says which items).
#
#   spack repo add tools/spack && spack install --test=root flatsweep && spack test run flatsweep
from spack.package import *


class Flatsweep(CMakePackage):
    """Trains many small networks by SGD over grids of hyperparameters and measures the loss landscape around each
    solution: variance and flatness along principal directions, Hessian and Fisher spectra, minibatch losses."""

    # git = "<address of the repository>"; until it has a public one: spack develop --path . flatsweep@main
    license("BSD-3-Clause")
    version("main", branch="main")

    variant("tests", default=False, description="Build the tests")
    variant("xsmm", default=True, description="LIBXSMM's kernels for small matrix products")
    variant("python", default=True, description="Figures, the report and `import flatsweep`")

    depends_on("c", type="build")
    depends_on("cxx", type="build")
    depends_on("cmake@3.22:", type="build")
    depends_on("ninja", type="build")
    depends_on("pkgconfig", type="build")
    generator("ninja")

    depends_on("mpi@3:")
    depends_on("petsc@3.18: +mpi~complex")
    depends_on("slepc@3.18:")
    depends_on("scalapack")
    depends_on("blas")
    depends_on("lapack")
    depends_on("eigen@3.4:3")
    depends_on("libxsmm@1.17:1", when="+xsmm")
    depends_on("hdf5@1.10.8:1 +mpi+hl")
    depends_on("zlib-api")
    depends_on("openssl@3:")
    depends_on("nlohmann-json@3.11:3")
    depends_on("libzip@1.7:1")
    depends_on("boost@1.74: +program_options")
    depends_on("tomlplusplus@3.3:3")
    depends_on("fmt@9:9")
    depends_on("spdlog@1.10:1")
    depends_on("random123@1.14:")
    depends_on("googletest@1.12: +gmock", type="build", when="+tests")
    with when("+python"):
        depends_on("python@3.9:", type="run")
        depends_on("py-h5py@3.7:", type="run")
        depends_on("py-numpy@1.24:", type="run")
        depends_on("py-matplotlib@3.6:", type="run")
        depends_on("py-pandas@1.5:", type="run")

    # Kernels are chosen when the program is compiled: AVX2 or AVX-512.
    requires("target=x86_64_v3:", msg="flatsweep needs AVX2")

    def cmake_args(self):
        return [
            self.define_from_variant("FLATSWEEP_TESTS", "tests"),
            self.define_from_variant("FLATSWEEP_XSMM", "xsmm"),
            self.define("FLATSWEEP_BENCH", False),
            # Spack's compiler wrapper chooses -march by the target.
            self.define("FLATSWEEP_ARCH", ""),
        ]

    def test_selftest(self):
        """closed forms that the studies rest on, on one rank"""
        program = which(self.prefix.bin.flatsweep)
        out = program("--selftest", output=str.split, error=str.split)
        assert "checks passed" in out
