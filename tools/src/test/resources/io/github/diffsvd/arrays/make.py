import numpy as np, h5py, scipy.io as sio, sys
out = sys.argv[1]
# 3 frames, 2 coils, 4 rows, 5 columns: element (f, c, i, j) is 100 f + 20 c + 5 i + j, with the opposite minus a half as imaginary part.
n = np.arange(3*2*4*5).reshape(3, 2, 4, 5)
k = (n - 1j * (n + 0.5))
with h5py.File(out + '/kspace.h5', 'w') as f:
    f.create_dataset('kspace', data=k.astype(np.complex64), chunks=(1, 2, 4, 5), compression='gzip')
    f.create_dataset('mask', data=np.ones(5, np.float32))
    f.create_dataset('coil_maps', data=k.astype(np.complex64)[0])
matlab = k.transpose(2, 3, 1, 0)  # rows, columns, coils, frames
sio.savemat(out + '/kspace.mat', {'kspace': matlab, 'note': 'made by SciPy', 'trajectory': np.arange(4.0)}, do_compression=True)
# As MATLAB writes -v7.3: HDF5 behind 512 bytes of text, axes reversed, a compound of real and imag.
with h5py.File(out + '/kspace73.mat', 'w', userblock_size=512) as f:
    t = np.dtype([('real', 'f8'), ('imag', 'f8')])
    stored = matlab.transpose(3, 2, 1, 0)
    d = np.zeros(stored.shape, t); d['real'] = stored.real; d['imag'] = stored.imag
    ds = f.create_dataset('kspace', data=d)
    ds.attrs['MATLAB_class'] = np.bytes_('double')
with open(out + '/kspace73.mat', 'r+b') as f:
    f.write(b'MATLAB 7.3 MAT-file, Platform: GLNXA64'.ljust(124) + b'\x00\x02IM')
with h5py.File(out + '/two.h5', 'w') as f:
    f.create_dataset('a', data=k.astype(np.complex64)); f.create_dataset('b', data=k.astype(np.complex64))
with h5py.File(out + '/real.h5', 'w') as f:
    f.create_dataset('image', data=np.ones((2, 3)))
